# SPDX-License-Identifier: Apache-2.0
"""Where the testbed keeps its state: one folder, that vanishes with a reboot as its contents do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STATE_VARIABLE = "FEATHERBENCH_STATE"
SYSTEM_DIRECTORY = Path("/run/featherbench")


@dataclass(frozen=True, kw_only=True)
class State:
    """The folder's layout. Platforms keep theirs in folders of their own beside these files."""

    directory: Path

    @property
    def is_system(self) -> bool:
        """Whether this is root's own testbed, and not one of a test or of another user."""
        return self.directory == SYSTEM_DIRECTORY

    @property
    def job_lock(self) -> Path:
        """Locked by the one job that deploys or measures."""
        return self.directory / "job.lock"

    @property
    def job(self) -> Path:
        """Names the job that holds the lock."""
        return self.directory / "job.json"

    @property
    def owner_lock(self) -> Path:
        """Locked by the guard of the workflow that owns the testbed."""
        return self.directory / "owner.lock"

    @property
    def owner(self) -> Path:
        """Names the workflow that owns the testbed, and its guard."""
        return self.directory / "owner.json"

    @property
    def swept(self) -> Path:
        """Names the guard for which leftovers have been removed on the way in."""
        return self.directory / "swept.json"

    @property
    def lease(self) -> Path:
        """Names the leased instance."""
        return self.directory / "lease.json"

    @property
    def network(self) -> Path:
        """Says that the network was made for this testbed."""
        return self.directory / "network.json"

    @property
    def sysctls(self) -> Path:
        """The values that sysctls had before we changed them."""
        return self.directory / "sysctls.json"

    @property
    def guard_log(self) -> Path:
        """What the guard says; kept after an error only."""
        return self.directory / "guard.log"

    def make(self) -> None:
        """Make the folder. What lies in it is nobody else's business."""
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)


def _default_directory() -> Path:
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "featherbench" if runtime else Path(f"/tmp/featherbench-{os.geteuid()}")  # noqa: S108 - a name of our own, made with our own permissions


def current_state() -> State:
    """Give this process's state folder: FEATHERBENCH_STATE, or the user's own."""
    named = os.environ.get(STATE_VARIABLE)
    return State(directory=Path(named).resolve() if named else _default_directory())
