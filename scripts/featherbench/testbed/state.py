# SPDX-License-Identifier: Apache-2.0
"""The folder of the testbed's state, which vanishes with a reboot as what it describes does."""

import os
from pathlib import Path

STATE_VARIABLE = "FEATHERBENCH_STATE"
SYSTEM_DIRECTORY = Path("/run/featherbench")


class State:
    """The folder's layout. Drivers have folders of their own beside these files."""

    def __init__(self, *, directory: Path) -> None:
        self.directory = directory
        self.is_system = directory == SYSTEM_DIRECTORY
        """Whether this is root's testbed, and not one of a test or of another user."""
        self.job_lock = directory / "job.lock"
        """Locked by the one job that deploys or measures."""
        self.job = directory / "job.json"
        """The job that holds the lock."""
        self.owner_lock = directory / "owner.lock"
        """Locked by the guard of the workflow that owns the testbed."""
        self.owner = directory / "owner.json"
        """The workflow that owns the testbed, and its guard."""
        self.swept = directory / "swept.json"
        """The guard for which leftovers have been removed at the beginning."""
        self.lease = directory / "lease.json"
        """The leased instance."""
        self.network = directory / "network.json"
        """Exists if the network was made for this testbed."""
        self.sysctls = directory / "sysctls.json"
        """The values of sysctls before they were changed."""
        self.guard_log = directory / "guard.log"
        """The guard's log; kept only after an error."""

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
