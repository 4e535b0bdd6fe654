# SPDX-License-Identifier: Apache-2.0
"""Our own files in every guest: how it takes its seed, and starts the service."""

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
    "serial-getty@hvc0.service",  # would talk into what the guest tells, on Xen's console
    # The address comes with the seed.
    *("systemd-network-generator.service", "systemd-networkd.service", "systemd-networkd.socket"),
)
"""Units that it does not start."""
LINKS = {str(UNITS / unit): "/dev/null" for unit in MASKED} | {
    str(UNITS / "multi-user.target.wants" / unit): f"../{unit}" for unit in WANTED
}
"""Where links lie, and where to: made here, since not every copy of a checkout keeps links."""


def _files() -> Sequence[Path]:
    return sorted(path for path in FILES.rglob("*") if path.is_file())


def _runs(file: Path) -> bool:
    return bool(file.stat().st_mode & stat.S_IXUSR)


def layer_digest() -> str:
    """Hash them: where they are, what they hold, which of them can be run, and the links."""
    described = [part for link in sorted(LINKS.items()) for part in map(str.encode, link)]
    for path in _files():
        where = str(path.relative_to(FILES)).encode()
        described += [where, path.read_bytes(), b"x" if _runs(path) else b"-"]
    return digest(*described)


def add_layer(tree: Path) -> None:
    """Copy them into the tree; who may read them does not depend on the checkout."""
    for source in _files():
        target = tree / source.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
        target.chmod(0o755 if _runs(source) else 0o644)
    for link, to in LINKS.items():
        (tree / link).parent.mkdir(parents=True, exist_ok=True)
        (tree / link).symlink_to(to)
