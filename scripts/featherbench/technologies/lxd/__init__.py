# SPDX-License-Identifier: Apache-2.0
"""System containers of LXD or Incus."""

from featherbench.technologies.lxd.technology import Technology

__all__ = ["Technology"]
