# SPDX-License-Identifier: Apache-2.0
"""Virtual machines of QEMU by libvirt."""
