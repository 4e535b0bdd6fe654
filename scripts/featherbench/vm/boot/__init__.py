# SPDX-License-Identifier: Apache-2.0
"""What a virtual machine is given at boot, and what it reports."""
