# SPDX-License-Identifier: Apache-2.0
"""The testbed during one job: exclusive, with its network, CPUs and tuning."""

import logging
import math
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from featherbench.contracts.bench import Client
from featherbench.contracts.technology import Placement
from featherbench.errors import CommandError, TestbedError
from featherbench.files import write_atomic
from featherbench.records.cell import Cell
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.tuning import Tuning
from featherbench.system import procfs, programs
from featherbench.system.machine import LOCAL
from featherbench.testbed import cleanup, cpus, lease, network, reservation, tuning
from featherbench.testbed.lock import only_job
from featherbench.testbed.state import State, current_state

log = logging.getLogger(__name__)

WAIT_S = math.inf
"""Another workflow may take days; to give up would make every cell fail meanwhile."""
READ_WITHIN_S = 10.0
LOOPBACK = "127.0.0.1"
SEQUENCE_FILE = Path("results/.sequence")
"""Relative to the workflow's folder, where every job runs; it is kept as long as the results."""
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class Testbed:
    """What a job works with.

    `placement` is on this machine. `applied` is plain JSON: what was set, and where. `sequence` is
    this job's number in the order of all jobs that used the testbed.
    """

    __test__ = False

    client: Client
    placement: Placement
    tuning: Tuning
    applied: Mapping[str, Any]
    sequence: int


@contextmanager
def _unwinding_on_signals() -> Iterator[None]:
    """Turn signals that end this process into exceptions, so that every `finally` runs.

    Only once: a second signal does not interrupt the clean-up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, _frame: FrameType | None) -> None:
        for ending in ENDING_SIGNALS:
            signal.signal(ending, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, unwind) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _owned(state: State, what: str, wait_s: float) -> Iterator[None]:
    """Hold the job lock while our workflow owns the testbed, free of what broken jobs left.

    Ownership comes first: otherwise a job of a waiting workflow would lock out the owner's jobs.
    It may change while this job waits for the lock, so it is checked again.
    """
    workflow = reservation.our_workflow()
    while True:
        owner = reservation.acquire(state, workflow, wait_s=wait_s)
        cleanup.end_job_of_others(state, workflow)
        with only_job(state, workflow, what, wait_s=wait_s):
            if reservation.current_owner(state) == owner:
                cleanup.sweep_once(state, owner)
                yield
                return


def _next_sequence(file: Path) -> int:
    number = _last_sequence(file) + 1
    write_atomic(file, f"{number}\n")
    return number


def _last_sequence(file: Path) -> int:
    """Return the number of the last job: from the file, or else from the cells beside it."""
    with suppress(FileNotFoundError, ValueError):
        return int(file.read_text(encoding="utf-8"))
    cells = map(Cell.read_valid, (file.parent / "cells").rglob("*.json"))
    last = max((cell.sequence for cell in cells if cell), default=0)
    if file.exists():
        sys.stderr.write(f"featherbench: {file} was damaged: jobs are counted on from {last}\n")
    return last


def _reachable_nofile(nofile: int | None) -> int | None:
    """Return the limit that this process may have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    may_raise = "CAP_SYS_RESOURCE" in procfs.capabilities(Path("/"))
    if nofile is None or may_raise or hard == resource.RLIM_INFINITY:
        return nofile
    return min(nofile, hard)


def _nofile_in_force(client: Client) -> str:
    """Return the limit in force at the client. Raises TestbedError when it is not `nofile`."""
    show = ["prlimit", "--nofile", "--noheadings", "-o", "SOFT,HARD"]
    try:
        soft, hard = client.run(show, timeout_s=READ_WITHIN_S).stdout.split()
    except CommandError as refused:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        raise TestbedError(
            f"nofile cannot be set to {client.nofile}: {refused.message}",
            remedy="raise the limit before (`ulimit -Hn`; of a container: `docker run --ulimit"
            f" nofile=…`), or set tuning.nofile to {most} or less",
        ) from refused
    if client.nofile is not None and {soft, hard} != {str(client.nofile)}:
        raise TestbedError(
            f"nofile is {soft} (hard: {hard}) at the client, not {client.nofile}",
            remedy="choose a value for tuning.nofile that can be set, or null",
        )
    return soft


def _set_up(state: State, spec: TestbedSpec, tuning_spec: Tuning, sequence: int) -> Testbed:
    """Set up network, CPUs and tuning; for a client on loopback, without root, only CPUs."""
    isolated = spec.client == "netns"
    for lacking in programs.missing_root() if isolated else ():
        raise TestbedError(
            f"the testbed's network namespace: {lacking.what}",
            remedy=f"{lacking.remedy}; or set `testbed.client: loopback` to try it out",
        )
    split = cpus.choose(spec, cpus.usable(spec, LOCAL), procfs.cpu_kinds(Path("/")))
    if isolated:
        link = network.set_up(state, spec)
        address, client_address, namespace = link.server, link.client, network.NAMESPACE_FILE
    else:
        address, client_address, namespace = LOOPBACK, LOOPBACK, None
        tuning_spec = Tuning(net_sysctls={}, nofile=_reachable_nofile(tuning_spec.nofile))
    client = Client(
        address=client_address, cpus=split.client, namespace=namespace, nofile=tuning_spec.nofile
    )
    in_force = _nofile_in_force(client)
    applied = {
        "machine": tuning.apply_to_machine(state, tuning_spec) if isolated else {},
        "client": tuning.apply_to_client(client, tuning_spec) if isolated else {},
    }
    return Testbed(
        client=client,
        placement=Placement(
            hypervisor="native",
            address=address,
            callback_address=address,
            cpus=split.server,
            container_subnet=spec.container_subnet,
            guest_subnet=spec.guest_subnet,
            state=state.directory,
        ),
        tuning=tuning_spec,
        applied={
            **applied,
            "nofile": in_force,
            "cpus": {
                "server": list(split.server),
                "client": list(split.client),
                "shared": split.shared,
            },
        },
        sequence=sequence,
    )


def _drop_lease() -> None:
    """Stop the leased instance after a failure, which may have left it in any state.

    If that fails too, the guard tries again; the user must see the first failure.
    """
    try:
        lease.release()
    except Exception:
        log.exception("the leased instance could not be stopped")


@contextmanager
def exclusive(*, what: str) -> Iterator[None]:
    """Let no measurement run during the block, which would disturb it, such as a build.

    There is no network, and nothing is tuned.
    """
    with _unwinding_on_signals(), _owned(current_state(), what, WAIT_S):
        yield


@contextmanager
def session(
    testbed: TestbedSpec,
    tuning_spec: Tuning,
    *,
    what: str,
    sequence_file: Path = SEQUENCE_FILE,
    wait_s: float = WAIT_S,
) -> Iterator[Testbed]:
    """Provide the testbed for one job, with its network and tuning.

    `what` names the job for those who wait; `sequence_file` is the count of jobs, beside the
    results. If the block succeeds, a leased instance lives on for the next job; if it fails, the
    instance is stopped. Signals end the block with SystemExit or KeyboardInterrupt.

    While another workflow has the testbed, waits and writes so to stderr once a minute, for
    `wait_s` seconds at most. Raises TestbedBusyError after that, and TestbedError when the testbed
    cannot be set up.
    """
    state = current_state()
    with ExitStack() as stack:
        stack.enter_context(_unwinding_on_signals())
        stack.enter_context(_owned(state, what, wait_s))
        try:
            yield _set_up(state, testbed, tuning_spec, _next_sequence(sequence_file))
        except BaseException:
            _drop_lease()
            raise
