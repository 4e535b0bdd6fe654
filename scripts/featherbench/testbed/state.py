# SPDX-License-Identifier: Apache-2.0
"""The folder of the testbed's state, which vanishes with a reboot as what it describes does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STATE_VARIABLE = "FEATHERBENCH_STATE"
SYSTEM_DIRECTORY = Path("/run/featherbench")


@dataclass(frozen=True, kw_only=True)
class State:
    """The folder's layout. Drivers have folders of their own beside these files."""

    directory: Path

    @property
    def is_system(self) -> bool:
        """Whether this is root's testbed, and not one of a test or of another user."""
        return self.directory == SYSTEM_DIRECTORY

    @property
    def job_lock(self) -> Path:
        """Locked by the one job that deploys or measures."""
        return self.directory / "job.lock"

    @property
    def job(self) -> Path:
        """The job that holds the lock."""
        return self.directory / "job.json"

    @property
    def owner_lock(self) -> Path:
        """Locked by the guard of the workflow that owns the testbed."""
        return self.directory / "owner.lock"

    @property
    def owner(self) -> Path:
        """The workflow that owns the testbed, and its guard."""
        return self.directory / "owner.json"

    @property
    def swept(self) -> Path:
        """The guard for which leftovers have been removed at the beginning."""
        return self.directory / "swept.json"

    @property
    def lease(self) -> Path:
        """The leased instance."""
        return self.directory / "lease.json"

    @property
    def network(self) -> Path:
        """Exists if the network was made for this testbed."""
        return self.directory / "network.json"

    @property
    def sysctls(self) -> Path:
        """The values of sysctls before they were changed."""
        return self.directory / "sysctls.json"

    @property
    def guard_log(self) -> Path:
        """The guard's log; kept only after an error."""
        return self.directory / "guard.log"

    def make(self) -> None:
        """Make the folder."""
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)


def _default_directory() -> Path:
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "featherbench" if runtime else Path(f"/tmp/featherbench-{os.geteuid()}")  # noqa: S108 - named after the user, and made with the user's rights


def current_state() -> State:
    """Return this process's state folder: FEATHERBENCH_STATE, or the user's default."""
    directory = os.environ.get(STATE_VARIABLE)
    return State(directory=Path(directory).resolve() if directory else _default_directory())
