# SPDX-License-Identifier: Apache-2.0
"""Cleans up after a workflow, however it ended.

    python -m featherbench.testbed.guard PID START_TICKS CWD

A workflow's first job starts the guard in a session of its own. The guard holds the testbed for
the workflow, sleeps until the workflow's process has ended (or SIGTERM arrives), and removes
everything.
"""

import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from featherbench import registry
from featherbench.errors import DeadlineError
from featherbench.system.polling import wait_until
from featherbench.system.processes import Process, is_alive, ourselves
from featherbench.testbed import cleanup
from featherbench.testbed.lock import try_lock
from featherbench.testbed.reservation import Owner
from featherbench.testbed.state import State, current_state

log = logging.getLogger("featherbench.guard")

WORKFLOW_GONE = "the workflow has ended"
LOCK_WITHIN_S = 5.0
IGNORED_SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


def _wake_on_sigterm() -> socket.socket:
    """Return a socket that becomes readable on SIGTERM."""
    wake, written = socket.socketpair()
    for end in (wake, written):
        end.settimeout(0)  # non-blocking, as the signal module demands
    signal.set_wakeup_fd(written.detach())
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    return wake


def _wait_for_end(workflow: Process, wake: socket.socket) -> str:
    """Sleep, without polling, until the workflow has ended or SIGTERM arrives; return which."""
    try:
        descriptor = os.pidfd_open(workflow.pid)
    except ProcessLookupError:
        return WORKFLOW_GONE
    try:
        if not is_alive(workflow):
            return WORKFLOW_GONE
        ready, _, _ = select.select([descriptor, wake.fileno()], [], [])
        return "SIGTERM" if wake.fileno() in ready else WORKFLOW_GONE
    finally:
        os.close(descriptor)


def guard(state: State, workflow: Process, cwd: str) -> None:
    """Own the testbed for `workflow` until it has ended, then remove everything."""
    wake, what = _wake_on_sigterm(), "the testbed's lock"
    try:
        lock = wait_until(lambda: try_lock(state.owner_lock), what=what, within_s=LOCK_WITHIN_S)
    except DeadlineError:
        return  # another guard was faster
    owner = Owner(
        workflow=workflow,
        guard=ourselves(),
        cwd=cwd,
        since_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        plugins=registry.folders_from_environment(),
    )
    owner.write(state.owner)
    log.info("cleaning up: %s", _wait_for_end(workflow, wake))
    owner.model_copy(update={"leaving": True}).write(state.owner)
    cleanup.release(state, lock, cleanup.remove_leftovers(state, owner.plugins))


def main(arguments: Sequence[str]) -> None:
    """Run the guard; see the module's docstring."""
    pid, started_ticks, cwd = arguments
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")  # so that the current folder can be unmounted
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    workflow = Process(pid=int(pid), started_ticks=int(started_ticks))
    guard(current_state(), workflow, cwd)


if __name__ == "__main__":
    main(sys.argv[1:])
