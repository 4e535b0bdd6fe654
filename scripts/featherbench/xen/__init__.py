# SPDX-License-Identifier: Apache-2.0
"""Virtual machines of Xen by xl, in a dom0 here or reached by ssh."""
