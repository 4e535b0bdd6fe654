# SPDX-License-Identifier: Apache-2.0
"""A short hash that identifies a machine.

It is a module of its own because every cell depends on it: an edit of the machine record must not
measure everything again.
"""

from pathlib import Path

from featherbench.files import canonical_json, digest
from featherbench.system import procfs

ROOT = Path("/")
CHARACTERS = 12
MEMORY_GRAIN_BYTES = 128 << 20
"""The memory that a kernel keeps for itself varies a little from boot to boot."""


def fingerprint(root: Path = ROOT) -> str:
    """Return the hash of CPU, microcode, kernel, memory and virtualization. Takes under 5 ms.

    Results with different fingerprints must not be compared as if they came from one machine.
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
