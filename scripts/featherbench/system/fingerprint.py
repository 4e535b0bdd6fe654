# SPDX-License-Identifier: Apache-2.0
"""A short hash of what makes this machine this machine.

It is a module of its own because every cell has it: an edit of the host record must not measure
everything again.
"""

from __future__ import annotations

from pathlib import Path

from featherbench.files import canonical_json, digest
from featherbench.system import procfs

ROOT = Path("/")
CHARACTERS = 12
MEMORY_GRAIN_BYTES = 128 << 20
"""What a kernel keeps for itself varies a little from one boot to the next."""


def fingerprint(root: Path = ROOT) -> str:
    """Hash the stable facts: CPU, microcode, kernel, memory, virtualization. Takes under 5 ms.

    Numbers of different fingerprints must not be compared as if they came from one host.
    """
    memory_bytes = procfs.memory_bytes(root) or 0
    stable = {
        "cpu_model": procfs.cpu_model(root),
        "cpu_count": procfs.cpu_count(root),
        "microcode": procfs.microcode(root),
        "kernel": procfs.kernel_release(root),
        "memory_grains": round(memory_bytes / MEMORY_GRAIN_BYTES),
        "virtualization": procfs.virtualization(root),
    }
    return digest(canonical_json(stable).encode())[:CHARACTERS]
