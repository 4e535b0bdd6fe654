# SPDX-License-Identifier: Apache-2.0
"""Removes what broken runs left behind: only ours, and each step though another fails."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from featherbench import registry
from featherbench.errors import MachineSilentError, TestbedError
from featherbench.files import write_atomic
from featherbench.system.processes import end_with_descendants, is_alive, ourselves
from featherbench.testbed import lease, network, tuning
from featherbench.testbed.lock import running_job, try_lock
from featherbench.testbed.reservation import busy, current_owner, recorded_owner, relinquish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from featherbench.contracts.hypervisor import Hypervisor
    from featherbench.contracts.technology import Technology
    from featherbench.ownership import Leftover
    from featherbench.system.processes import Process
    from featherbench.testbed.lock import Job, Lock
    from featherbench.testbed.reservation import Owner
    from featherbench.testbed.state import State

log = logging.getLogger(__name__)

JOB_GRACE_S = 10.0
MOST_PASSES = 5


@dataclass(frozen=True, kw_only=True)
class Remnant:
    """Something to be removed. One that is not `certain` is a place where we could not look."""

    name: str
    remove: Callable[[], None]
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What became of a remnant: `failure` is empty when it was removed."""

    name: str
    failure: str = ""
    certain: bool = True


def _end_job(state: State, job: Job) -> None:
    if is_alive(job.job):
        end_with_descendants(job.job, grace_s=JOB_GRACE_S, what=f"the job {job.what}")
    state.job.unlink(missing_ok=True)


def end_job_of_others(state: State, workflow: Process) -> None:
    """End a job that runs though its workflow, which is not `workflow`, has lost the testbed."""
    job = running_job(state)
    if job is not None and job.workflow != workflow:
        _end_job(state, job)


def _job(state: State) -> Iterator[Remnant]:
    job = running_job(state)
    if job is not None and job.job != ourselves():
        yield Remnant(name=f"job {job}", remove=partial(_end_job, state, job))


def _leased(state: State) -> Iterator[Remnant]:
    if state.lease.exists():
        held = lease.held()
        named = f"{held.technology} {held.instance.id}" if held else "unreadable"
        yield Remnant(name=f"leased instance: {named}", remove=lease.release)


def _is_of(state: State, leftover: Leftover) -> bool:
    """Whether it is this testbed's, as far as its driver can tell."""
    return leftover.state in {"", str(state.directory)}


def _cannot_look(failure: Exception) -> None:
    raise failure


def _looked(where: str, finder: Iterator[Remnant]) -> Iterator[Remnant]:
    """Give what `finder` finds; where it fails, that is one more to be told of."""
    try:
        yield from finder
    except Exception as failure:  # noqa: BLE001 - a user's driver may raise anything
        name = f"{where}: could not be looked through"
        yield Remnant(name=name, remove=partial(_cannot_look, failure), certain=False)


def _of_driver(state: State, name: str, driver: Technology | Hypervisor) -> Iterator[Remnant]:
    for leftover in driver.leftovers():
        if _is_of(state, leftover):
            shown = f"{name} {leftover.kind}: {leftover.name}"
            yield Remnant(name=shown, remove=partial(driver.remove, leftover))


def _of_technology(state: State, name: str, folders: Sequence[str]) -> Iterator[Remnant]:
    technology = registry.load("technologies", name, folders)
    # A unikernel is found without the program that runs it, which may be in another user's PATH.
    is_process = technology.user_images and technology.runs_natively
    if is_process or not technology.missing_requirements():
        yield from _of_driver(state, name, technology)


def _of_technologies(state: State, folders: Sequence[str]) -> Iterator[Remnant]:
    for name in registry.driver_files("technologies", folders):
        yield from _looked(name, _of_technology(state, name, folders))


def _of_hypervisors(state: State, folders: Sequence[str]) -> Iterator[Remnant]:
    for name in registry.driver_files("hypervisors", folders):
        yield from _looked(
            name, _of_driver(state, name, registry.load("hypervisors", name, folders))
        )


def _network(state: State) -> Iterator[Remnant]:
    if network.exists(state):
        pids = network.processes_inside()
        inside = f", with processes {', '.join(map(str, pids))}" if pids else ""
        yield Remnant(
            name=f"network namespace {network.NAMESPACE}{inside}",
            remove=partial(network.tear_down, state),
        )


def _sysctls(state: State) -> Iterator[Remnant]:
    if tuning.is_changed(state):
        yield Remnant(name="changed sysctls", remove=partial(tuning.restore, state))


def find_leftovers(state: State, folders: Sequence[str]) -> Iterator[Remnant]:
    """Give what is left, in the order of removal; what follows is looked for only then.

    `folders` are the plugin folders with further technologies.
    """
    yield from _looked("jobs", _job(state))
    yield from _looked("lease", _leased(state))
    yield from _looked("hypervisors", _of_hypervisors(state, folders))
    yield from _looked("technologies", _of_technologies(state, folders))
    yield from _looked("network", _network(state))
    yield from _looked("sysctls", _sysctls(state))


def _removed(remnant: Remnant) -> Removal:
    try:
        remnant.remove()
    except Exception as failure:  # noqa: BLE001 - every other step is still to be tried
        log.warning("%s: %s", remnant.name, failure)
        certain = remnant.certain and not isinstance(failure, MachineSilentError)
        return Removal(name=remnant.name, failure=str(failure), certain=certain)
    log.info("removed %s", remnant.name)
    return Removal(name=remnant.name)


def remove_leftovers(state: State, folders: Sequence[str]) -> list[Removal]:
    """Remove what is left, each step though another fails; say what became of each.

    Looks again until nothing is found that has not been tried: what a killed job had asked of a
    daemon may appear after the first look.
    """
    tried: dict[str, Removal] = {}
    for _ in range(MOST_PASSES):
        found = {each.name: each for each in map(_removed, find_leftovers(state, folders))}
        news = found.keys() - tried.keys()
        tried |= found
        if not news:
            break
    return list(tried.values())


def sweep_once(state: State, owner: Owner) -> None:
    """Remove leftovers on the way in: once for each owner, and after a job that ended badly.

    The caller holds the job lock; `lock.only_job` takes the mark away after such a job.

    Raises TestbedError when something that was found cannot be removed.
    """
    mark = owner.guard.model_dump_json()
    if state.swept.exists() and state.swept.read_text() == mark:
        return
    failures = [each for each in remove_leftovers(state, owner.plugins) if each.failure]
    if stuck := [f"{each.name}: {each.failure}" for each in failures if each.certain]:
        raise TestbedError(
            "something of a broken run is left and cannot be removed:\n" + "\n".join(stuck),
            remedy="remove it by hand, then run `python -m featherbench clean`",
        )
    write_atomic(state.swept, mark)


def let_go(state: State, owner_lock: Lock, removals: Sequence[Removal]) -> None:
    """Remove what the testbed itself wrote, and give up the owner's lock.

    The guard's log is kept where something could not be removed.
    """
    if not any(each.failure for each in removals):
        state.guard_log.unlink(missing_ok=True)
    if job_lock := try_lock(state.job_lock):  # a killed job leaves its file, though no lock
        job_lock.release()
    for file in (state.swept, state.owner):
        file.unlink(missing_ok=True)
    owner_lock.release()
    with suppress(OSError):  # somebody else has begun to use it, or the log is kept
        state.directory.rmdir()


def plugin_folders(state: State, folders: Sequence[str]) -> list[str]:
    """Add those of the last owner, whose guard may have been killed, and of the environment."""
    owner = recorded_owner(state)
    further = [*(owner.plugins if owner else ()), *registry.folders_from_environment()]
    return list(dict.fromkeys([*folders, *further]))


def listed(state: State, folders: Sequence[str]) -> list[Remnant]:
    """List what `clean` would remove. Raises TestbedBusyError as it does."""
    require_free(state)
    return list(find_leftovers(state, plugin_folders(state, folders)))


def require_free(state: State) -> None:
    """Wait for a guard that is cleaning up after its workflow.

    Raises TestbedBusyError, naming it, when a living workflow owns the testbed.
    """
    owner = current_owner(state)
    if owner is not None and is_alive(owner.workflow):
        raise busy(state)
    if owner is not None:
        relinquish(state, owner)


def clean(state: State, folders: Sequence[str]) -> list[Removal]:
    """Remove every leftover while no workflow owns the testbed, and keep any from starting.

    Raises TestbedBusyError when one does.
    """
    require_free(state)
    folders = plugin_folders(state, folders)
    lock = try_lock(state.owner_lock)
    if lock is None:
        raise busy(state)
    removals = remove_leftovers(state, folders)
    let_go(state, lock, removals)
    return removals
