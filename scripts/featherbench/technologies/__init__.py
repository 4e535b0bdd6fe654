# SPDX-License-Identifier: Apache-2.0
"""Technologies: what isolates a service. One file or folder each, named as in the configuration."""
