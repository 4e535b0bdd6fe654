# SPDX-License-Identifier: Apache-2.0
"""Which workflow owns the testbed: the one whose guard holds the owner's lock."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from featherbench import registry
from featherbench.clock import now_utc
from featherbench.errors import (
    DeadlineError,
    TestbedBusyError,
    TestbedError,
    WorkflowGoneError,
    remedy_of,
)
from featherbench.paths import SCRIPTS
from featherbench.records.base import Record
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.system.processes import (
    Process,
    command_line,
    identity_of,
    is_alive,
    send,
    with_variable,
)
from featherbench.testbed.lock import Announcer
from featherbench.testbed.state import STATE_VARIABLE, State, current_state

WORKFLOW_VARIABLE = "FEATHERBENCH_WORKFLOW_PID"
GUARD_MODULE = "featherbench.testbed.guard"
GUARD_START_WITHIN_S = 30.0
RELEASE_WITHIN_S = 120.0
LEAVES_WITHIN_S = 1.0
POLL_EVERY_S = 0.5


class Owner(Record):
    """The workflow that owns the testbed, and the guard that cleans up after it.

    Once the guard is `leaving`, no job may begin: the guard would remove what it makes.
    """

    workflow: Process
    guard: Process
    cwd: str
    since_utc: str
    plugins: tuple[str, ...]
    leaving: bool = False

    def __str__(self) -> str:
        return f"the workflow of pid {self.workflow.pid} (in {self.cwd}, since {self.since_utc})"


def our_workflow() -> Process:
    """Return the workflow that this job belongs to; a job started by hand is its own workflow.

    Raises WorkflowGoneError when the workflow has ended.
    """
    pid = os.environ.get(WORKFLOW_VARIABLE, str(os.getpid()))
    workflow = identity_of(int(pid)) if pid.isdigit() else None
    if workflow is None:
        raise _workflow_gone(pid)
    return workflow


def _workflow_gone(pid: int | str) -> WorkflowGoneError:
    return WorkflowGoneError(
        f"the workflow that this job belongs to (pid {pid}) is gone",
        remedy=f"run the workflow again; where you have set {WORKFLOW_VARIABLE}, unset it"
        if str(pid).isdigit()
        else f"unset {WORKFLOW_VARIABLE}: it is no pid",
    )


def current_owner(state: State) -> Owner | None:
    """Return the owner whose guard lives; None when the testbed is free."""
    owner = Owner.read_valid(state.owner)
    return owner if owner and is_alive(owner.guard) else None


def restored_owner(state: State) -> Owner | None:
    """Make the owner's record again from its guard's command line, where the record was lost.

    Without that, every guard that we start would find the lock taken, for ever.
    """
    guards = [
        (process, words[words.index(GUARD_MODULE) + 1 :])
        for directory, process in with_variable(STATE_VARIABLE)
        if directory == str(state.directory)
        and GUARD_MODULE in (words := command_line(process.pid))
    ]
    if not guards:
        return None
    guard, (pid, ticks, cwd, *_) = min(guards, key=lambda found: found[0].started_ticks)
    with suppress(DeadlineError):  # a guard that leaves removes its record last
        wait_until(lambda: not is_alive(guard), what="its end", within_s=LEAVES_WITHIN_S)
        return None
    owner = Owner(
        workflow=Process(pid=int(pid), started_ticks=int(ticks)),
        guard=guard,
        cwd=cwd,
        since_utc=now_utc(),
        plugins=registry.folders_from_environment(),
    )
    owner.write(state.owner)
    sys.stderr.write(f"featherbench: {state.owner} was lost or damaged, and is made again\n")
    return owner


def _start_guard(state: State, workflow: Process) -> None:
    """Start a guard, and wait until the testbed has an owner: ours, or a faster one."""
    state.make()
    identity = (str(workflow.pid), str(workflow.started_ticks))
    guard = subprocesses.start(
        [sys.executable, "-m", GUARD_MODULE, *identity, str(Path.cwd())],
        output=state.guard_log,
        env={STATE_VARIABLE: str(state.directory), "PYTHONPATH": str(SCRIPTS)},
    )

    def settled() -> bool:
        return current_owner(state) is not None or guard.poll() is not None

    wait_until(settled, what="the testbed's guard", within_s=GUARD_START_WITHIN_S)
    if guard.poll():
        output = state.guard_log.read_text(encoding="utf-8", errors="replace")[
            -subprocesses.TAIL_CHARACTERS :
        ]
        otherwise = f"see {state.guard_log}, then run `python -m featherbench clean`"
        raise TestbedError(
            f"the testbed's guard ended at once: {output}",
            remedy=remedy_of(output, place=f"the disk of {state.directory}", otherwise=otherwise),
        )


def acquire(state: State, workflow: Process, *, wait_s: float) -> Owner:
    """Make our workflow the owner of the testbed, with a guard, and return the owner's record.

    While another workflow owns the testbed, waits and writes so to stderr; raises TestbedBusyError
    after `wait_s` seconds, and WorkflowGoneError when our workflow ends meanwhile.
    """
    announce = Announcer()

    def ours() -> Owner | None:
        if not is_alive(workflow):
            raise _workflow_gone(workflow.pid)
        owner = current_owner(state)
        if owner is None:
            _start_guard(state, workflow)
            owner = current_owner(state) or restored_owner(state)
        if owner is None or (owner.workflow == workflow and not owner.leaving):
            return owner
        announce(f"for {owner}, which owns the testbed")
        return None

    try:
        return wait_until(ours, what="the testbed", within_s=wait_s, every_s=POLL_EVERY_S)
    except DeadlineError as late:
        raise busy(state) from late


def busy(state: State) -> TestbedBusyError:
    """Return the error that names the owner."""
    owner = current_owner(state)
    return TestbedBusyError(
        f"the testbed is owned by {owner}"
        if owner
        else "the owner of the testbed changes too often",
        remedy="let it end, or end it (never only its guard), and run again",
    )


def relinquish(state: State, owner: Owner) -> None:
    """Have the owner's guard clean up and end, and wait until it has."""
    send(owner.guard, signal.SIGTERM)
    wait_until(
        lambda: not is_alive(owner.guard),
        what="the testbed's guard cleaning up",
        within_s=RELEASE_WITHIN_S,
        remedy=f"see {state.guard_log}, then run `python -m featherbench clean`",
    )


def release_testbed() -> None:
    """Have our workflow's guard clean up now, and wait until it has; no error without a guard."""
    state = current_state()
    owner = current_owner(state)
    if owner is not None and owner.workflow == our_workflow():
        relinquish(state, owner)
