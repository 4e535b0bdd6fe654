# SPDX-License-Identifier: Apache-2.0
"""Docker containers."""

from featherbench.technologies.docker.technology import Technology

__all__ = ["Technology"]
