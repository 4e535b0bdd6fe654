# SPDX-License-Identifier: Apache-2.0
"""Virtual machines that boot our disk images, and container engines inside them."""
