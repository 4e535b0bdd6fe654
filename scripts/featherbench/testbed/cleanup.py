# SPDX-License-Identifier: Apache-2.0
"""Removes what broken runs left behind: only what is ours, and each step even if another fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from featherbench import registry
from featherbench.contracts.technology import Technology
from featherbench.errors import MachineSilentError, TestbedError
from featherbench.files import write_atomic
from featherbench.system.processes import Process, end_with_descendants, is_alive, ourselves
from featherbench.testbed import lease, network, tuning
from featherbench.testbed.lock import Job, Lock, running_job, try_lock
from featherbench.testbed.reservation import Owner, busy, current_owner, relinquish, restored_owner
from featherbench.testbed.state import State

if TYPE_CHECKING:
    from featherbench.contracts.hypervisor import Hypervisor

log = logging.getLogger(__name__)

JOB_GRACE_S = 10.0
MOST_PASSES = 5


@dataclass(frozen=True, kw_only=True)
class CleanupStep:
    """Something to remove. One that is not `certain` is a search that failed."""

    name: str
    remove: Callable[[], None]
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class CleanupResult:
    """The result of a step; `failure` is empty when it succeeded."""

    name: str
    failure: str = ""
    certain: bool = True


def _end_job(state: State, job: Job) -> None:
    if is_alive(job.job):
        end_with_descendants(job.job, grace_s=JOB_GRACE_S, what=f"the job {job.what}")
    state.job.unlink(missing_ok=True)


def end_job_of_others(state: State, workflow: Process) -> None:
    """End a job that still runs although its workflow, another one, has lost the testbed."""
    job = running_job(state)
    if job is not None and job.workflow != workflow:
        _end_job(state, job)


def _job(state: State) -> Iterator[CleanupStep]:
    job = running_job(state)
    if job is not None and job.job != ourselves():
        yield CleanupStep(name=f"job {job}", remove=partial(_end_job, state, job))


def _lease(state: State) -> Iterator[CleanupStep]:
    if state.lease.exists():
        leased = lease.current()
        instance = f"{leased.technology} {leased.instance.id}" if leased else "unreadable"
        yield CleanupStep(name=f"leased instance: {instance}", remove=lease.release)


def _fail(failure: Exception) -> None:
    raise failure


def _searched(subject: str, steps: Iterator[CleanupStep]) -> Iterator[CleanupStep]:
    """Pass on the steps of a search; if the search fails, add a step that reports it."""
    try:
        yield from steps
    except Exception as failure:  # noqa: BLE001 - a user's driver may raise anything
        name = f"{subject}: could not be looked through"
        yield CleanupStep(name=name, remove=partial(_fail, failure), certain=False)


def _of_driver(state: State, name: str, driver: Technology | Hypervisor) -> Iterator[CleanupStep]:
    for leftover in driver.leftovers():
        if leftover.state in {"", str(state.directory)}:  # this testbed's, or anybody's
            label = f"{name} {leftover.kind}: {leftover.name}"
            yield CleanupStep(name=label, remove=partial(driver.remove, leftover))


def _of_technology(state: State, name: str, folders: Sequence[str]) -> Iterator[CleanupStep]:
    technology = registry.load("technologies", name, folders)
    # A unikernel is found without the program that runs it, which may be in another user's PATH.
    is_process = technology.user_images and technology.runs_natively
    if is_process or not technology.missing_requirements():
        yield from _of_driver(state, name, technology)


def _of_technologies(state: State, folders: Sequence[str]) -> Iterator[CleanupStep]:
    for name in registry.driver_files("technologies", folders):
        yield from _searched(name, _of_technology(state, name, folders))


def _of_hypervisors(state: State, folders: Sequence[str]) -> Iterator[CleanupStep]:
    for name in registry.driver_files("hypervisors", folders):
        hypervisor = registry.load("hypervisors", name, folders)
        yield from _searched(name, _of_driver(state, name, hypervisor))


def _network(state: State) -> Iterator[CleanupStep]:
    if network.exists(state):
        pids = network.processes_inside()
        inside = f", with processes {', '.join(map(str, pids))}" if pids else ""
        yield CleanupStep(
            name=f"network namespace {network.NAMESPACE}{inside}",
            remove=partial(network.tear_down, state),
        )


def _sysctls(state: State) -> Iterator[CleanupStep]:
    if state.sysctls.exists():
        yield CleanupStep(name="changed sysctls", remove=partial(tuning.restore, state))


def find_leftovers(state: State, folders: Sequence[str]) -> Iterator[CleanupStep]:
    """Yield what is left, in the order of removal; each search begins when the last has ended."""
    yield from _searched("jobs", _job(state))
    yield from _searched("lease", _lease(state))
    yield from _searched("hypervisors", _of_hypervisors(state, folders))
    yield from _searched("technologies", _of_technologies(state, folders))
    yield from _searched("network", _network(state))
    yield from _searched("sysctls", _sysctls(state))


def _run(step: CleanupStep) -> CleanupResult:
    try:
        step.remove()
    except Exception as failure:  # noqa: BLE001 - every other step is still to be tried
        log.warning("%s: %s", step.name, failure)
        certain = step.certain and not isinstance(failure, MachineSilentError)
        return CleanupResult(name=step.name, failure=str(failure), certain=certain)
    log.info("removed %s", step.name)
    return CleanupResult(name=step.name)


def remove_leftovers(state: State, folders: Sequence[str]) -> list[CleanupResult]:
    """Remove what is left, each step even if another fails, and return the results.

    Searches again until everything that is found has been tried: what a killed job had requested
    from a daemon may appear after the first search.
    """
    results: dict[str, CleanupResult] = {}
    for _ in range(MOST_PASSES):
        latest = {result.name: result for result in map(_run, find_leftovers(state, folders))}
        is_complete = latest.keys() <= results.keys()
        results |= latest
        if is_complete:
            break
    return list(results.values())


def sweep_once(state: State, owner: Owner) -> None:
    """Remove leftovers at the beginning: once for each owner, and after a job that ended badly.

    The caller holds the job lock; `lock.only_job` deletes the mark after such a job.

    Raises TestbedError when something that was found cannot be removed.
    """
    mark = owner.guard.model_dump_json()
    if state.swept.exists() and state.swept.read_text(encoding="utf-8") == mark:
        return
    results = remove_leftovers(state, owner.plugins)
    if stuck := [f"{r.name}: {r.failure}" for r in results if r.failure and r.certain]:
        raise TestbedError(
            "something of a broken run is left and cannot be removed:\n" + "\n".join(stuck),
            remedy="remove it by hand, then run `python -m featherbench clean`",
        )
    write_atomic(state.swept, mark)


def release(state: State, owner_lock: Lock, results: Sequence[CleanupResult]) -> None:
    """Release the owner's lock, and remove the testbed's files, but the guard's log of failures."""
    if not any(result.failure for result in results):
        state.guard_log.unlink(missing_ok=True)
    if job_lock := try_lock(state.job_lock):  # a killed job leaves its file, but no lock
        job_lock.release()
    half_written = state.directory.glob(".*.part")  # by a job that was killed
    for file in (state.swept, state.owner, *half_written):
        file.unlink(missing_ok=True)
    owner_lock.release()
    with suppress(OSError):  # another process has begun to use it, or the log is kept
        state.directory.rmdir()


def plugin_folders(state: State, folders: Sequence[str]) -> list[str]:
    """Add the folders of the last owner, whose guard may be dead, and of the environment."""
    owner = Owner.read_valid(state.owner)
    further = [*(owner.plugins if owner else ()), *registry.folders_from_environment()]
    return list(dict.fromkeys([*folders, *further]))


def _require_free(state: State) -> None:
    """Wait for a guard that is cleaning up after its workflow, unless that lives."""
    if owner := current_owner(state) or restored_owner(state):
        if is_alive(owner.workflow):
            raise busy(state)
        relinquish(state, owner)


def planned_steps(state: State, folders: Sequence[str]) -> list[CleanupStep]:
    """Return what `clean` would remove. Raises TestbedBusyError as it does."""
    _require_free(state)
    return list(find_leftovers(state, plugin_folders(state, folders)))


def clean(state: State, folders: Sequence[str]) -> list[CleanupResult]:
    """Remove every leftover while no workflow owns the testbed, and keep any from starting.

    Raises TestbedBusyError when a workflow owns it.
    """
    _require_free(state)
    folders = plugin_folders(state, folders)
    lock = try_lock(state.owner_lock)
    if lock is None:
        raise busy(state)
    results = remove_leftovers(state, folders)
    release(state, lock, results)
    return results
