# SPDX-License-Identifier: Apache-2.0
"""featherbench's files in every guest: they read the seed, and start the service."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from featherbench.files import digest
from featherbench.paths import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = resource("vm/tree")
UNITS = PurePosixPath("etc/systemd/system")
WANTED = ("featherbench-ready.service", "featherbench-setup.service", "featherbench.service")
"""Units that the guest starts."""
MASKED = (
    *("getty-static.service", "getty@tty1.service", "serial-getty@ttyS0.service"),
    "serial-getty@hvc0.service",  # would write between the reports on Xen's console
    # The address comes with the seed.
    *("systemd-network-generator.service", "systemd-networkd.service", "systemd-networkd.socket"),
)
"""Units that the guest does not start."""
LINKS = {str(UNITS / unit): "/dev/null" for unit in MASKED} | {
    str(UNITS / "multi-user.target.wants" / unit): f"../{unit}" for unit in WANTED
}
"""Links and their targets: made by code, since not every copy of a checkout keeps links."""


def _files() -> Sequence[Path]:
    return sorted(path for path in FILES.rglob("*") if path.is_file())


def _is_executable(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IXUSR)


def overlay_digest() -> str:
    """Return a digest of paths, contents and execute permissions, and of the links."""
    described = [part for link in sorted(LINKS.items()) for part in map(str.encode, link)]
    for path in _files():
        relative = str(path.relative_to(FILES)).encode()
        described += [relative, path.read_bytes(), b"x" if _is_executable(path) else b"-"]
    return digest(*described)


def add_overlay(tree: Path) -> None:
    """Copy the files into the tree, with modes that do not depend on the checkout."""
    for source in _files():
        target = tree / source.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.chmod(0o755 if _is_executable(source) else 0o644)
    for link, to in LINKS.items():
        (tree / link).parent.mkdir(parents=True, exist_ok=True)
        (tree / link).symlink_to(to)
