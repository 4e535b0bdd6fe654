# SPDX-License-Identifier: Apache-2.0

import os
from functools import partial
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.errors import MachineSilentError, TestbedBusyError, TestbedError
from featherbench.ownership import Leftover
from featherbench.records.requirement import MissingRequirement
from featherbench.registry import PLUGINS_VARIABLE
from featherbench.system.processes import Process, ourselves
from featherbench.testbed import cleanup
from featherbench.testbed.lock import try_lock
from featherbench.testbed.reservation import Owner
from featherbench.testbed.state import State

DEAD = Process(pid=2**22 - 1, started_ticks=1)


class Runtime:
    """A technology that has left a few things behind."""

    user_images = False

    def __init__(self, *names, state="", broken=(), elsewhere=()):
        self.left = [Leftover(kind="thing", name=name, state=state) for name in names]
        self.broken = broken
        self.elsewhere = elsewhere

    def missing_requirements(self):
        return ()

    def leftovers(self):
        return tuple(self.left)

    def remove(self, leftover):
        if leftover.name in self.broken:
            raise OSError("it clings")
        if leftover.name in self.elsewhere:
            raise MachineSilentError("dom0 does not answer")
        self.left.remove(leftover)


class Silent(Runtime):
    def leftovers(self):
        raise ConnectionError("the engine does not answer")


@pytest.fixture
def state(tmp_path):
    state = State(directory=tmp_path / "state")
    state.make()
    return state


@pytest.fixture
def technologies(monkeypatch):
    """Put technologies in the place of those that there are."""

    def put(**named):
        kinds = {"technologies": named, "hypervisors": {}}
        monkeypatch.setattr(cleanup.registry, "driver_files", lambda kind, _folders: kinds[kind])
        monkeypatch.setattr(cleanup.registry, "load", lambda _kind, name, _folders: named[name])

    put()
    return put


def owner(**changes):
    fields = {"workflow": DEAD, "guard": DEAD, "cwd": "/", "since_utc": "", "plugins": ()}
    return Owner(**fields | changes)


def test_everything_that_is_found_is_removed(state, technologies):
    runtime = Runtime("a", "b")
    technologies(runtime=runtime)
    assert [result.name for result in cleanup.remove_leftovers(state, ())] == [
        "runtime thing: a",
        "runtime thing: b",
    ]
    assert runtime.left == []


def test_what_another_testbed_has_made_is_left_alone(state, technologies):
    runtime = Runtime("theirs", state="/run/other")
    technologies(runtime=runtime, mine=Runtime("mine", state=str(state.directory)))
    assert [result.name for result in cleanup.remove_leftovers(state, ())] == ["mine thing: mine"]
    assert len(runtime.left) == 1


def test_every_step_is_tried_though_others_fail(state, technologies):
    runtime = Runtime("a", "b", "c", broken=("a",))
    technologies(silent=Silent(), runtime=runtime)
    failures = {result.name: result.failure for result in cleanup.remove_leftovers(state, ())}
    assert failures["runtime thing: a"] == "it clings"
    assert failures["silent: could not be looked through"] == "the engine does not answer"
    assert [result.name for result in runtime.left] == ["a"]


@pytest.fixture
def restored(monkeypatch):
    """Say what is restored after all else; the technologies of ours are out of sight."""
    done = []
    steps = {"_network": "the network", "_sysctls": "the sysctls"}
    for finder, name in steps.items():
        remnant = cleanup.CleanupStep(name=name, remove=partial(done.append, name))
        monkeypatch.setattr(cleanup, finder, lambda _state, remnant=remnant: iter([remnant]))
    monkeypatch.setattr(cleanup.registry, "PACKAGE", Path("/nonexistent"))
    return done


def test_a_plugin_that_cannot_be_loaded_keeps_nothing_from_being_restored(
    state, restored, tmp_path
):
    (tmp_path / "technologies").mkdir()
    (tmp_path / "technologies" / "broken.py").write_text("raise OSError('at import')")
    (removal, *_) = cleanup.remove_leftovers(state, [str(tmp_path)])
    assert "at import" in removal.failure
    assert restored == ["the network", "the sysctls"] * 2


def test_a_unikernel_is_found_without_the_program_that_runs_it(state, monkeypatch):
    """Whoever cleans up may have another PATH than who measured."""
    left = Leftover(kind="unikernel", name="abc", state=str(state.directory))
    mirageos = registry.load("technologies", "mirageos")
    missing_requirements = [MissingRequirement(what="there is no solo5-spt", remedy="")]
    monkeypatch.setattr(type(mirageos), "missing_requirements", lambda _: missing_requirements)
    monkeypatch.setattr(type(mirageos), "leftovers", lambda _: [left])
    names = [result.name for result in cleanup.find_leftovers(state, ())]
    assert "mirageos unikernel: abc" in names


def test_nor_does_one_that_cannot_say_what_it_lacks(state, restored, technologies):
    class Perplexed(Runtime):
        def missing_requirements(self):
            raise OSError("how should I know?")

    technologies(perplexed=Perplexed())
    (removal, *_) = cleanup.remove_leftovers(state, ())
    assert removal.failure == "how should I know?"
    assert restored == ["the network", "the sysctls"] * 2


def test_nor_does_any_other_place_where_we_cannot_look(state, restored, monkeypatch):
    def blind(_kind, _folders):
        raise OSError("no such folder")

    monkeypatch.setattr(cleanup.registry, "driver_files", blind)
    removals = cleanup.remove_leftovers(state, ())
    assert [removal.name for removal in removals[:2]] == [
        "hypervisors: could not be looked through",
        "technologies: could not be looked through",
    ]
    assert restored == ["the network", "the sysctls"] * 2


def test_what_a_host_has_left_is_removed_before_what_technologies_have(
    state, technologies, monkeypatch
):
    bridge, runtime = Runtime("bridge"), Runtime("container")
    technologies(runtime=runtime)
    kinds = {"technologies": {"runtime": None}, "hypervisors": {"elsewhere": None}}
    monkeypatch.setattr(cleanup.registry, "driver_files", lambda kind, _folders: kinds[kind])
    drivers = {"technologies": runtime, "hypervisors": bridge}
    monkeypatch.setattr(cleanup.registry, "load", lambda kind, _name, _folders: drivers[kind])
    assert [result.name for result in cleanup.remove_leftovers(state, ())] == [
        "elsewhere thing: bridge",
        "runtime thing: container",
    ]
    assert bridge.left == []


def test_what_appears_late_is_removed_too(state, technologies):
    class Late(Runtime):
        def remove(self, leftover):
            super().remove(leftover)
            if leftover.name == "first":
                self.left.append(Leftover(kind="thing", name="late"))

    late = Late("first")
    technologies(late=late)
    cleanup.remove_leftovers(state, ())
    assert late.left == []


def test_the_way_in_is_swept_once_for_each_owner(state, technologies):
    runtime = Runtime("a")
    technologies(runtime=runtime)
    cleanup.sweep_once(state, owner())
    runtime.left.append(Leftover(kind="thing", name="ours by now"))
    cleanup.sweep_once(state, owner())
    assert [result.name for result in runtime.left] == ["ours by now"]
    cleanup.sweep_once(state, owner(guard=Process(pid=DEAD.pid, started_ticks=2)))
    assert runtime.left == []


def test_a_leftover_that_clings_stops_the_way_in(state, technologies):
    technologies(runtime=Runtime("a", broken=("a",)))
    with pytest.raises(TestbedError, match="runtime thing: a: it clings"):
        cleanup.sweep_once(state, owner())


def test_what_is_on_a_machine_or_of_an_engine_that_is_silent_does_not(state, technologies):
    runtime = Runtime("a", elsewhere=("a",))
    technologies(runtime=runtime, silent=Silent())
    cleanup.sweep_once(state, owner())
    assert runtime.left


def test_cleaning_is_refused_while_a_living_workflow_owns_the_testbed(state, technologies):
    runtime = Runtime("a")
    technologies(runtime=runtime)
    owner(workflow=ourselves(), guard=ourselves()).write(state.owner)
    with pytest.raises(TestbedBusyError, match=f"pid {ourselves().pid}"):
        cleanup.clean(state, ())
    with pytest.raises(TestbedBusyError):
        cleanup.planned_steps(state, ())
    assert len(runtime.left) == 1


@pytest.mark.usefixtures("technologies")
def test_cleaning_also_looks_where_the_last_owner_and_the_environment_have_plugins(
    state, monkeypatch
):
    owner(plugins=("/theirs",)).write(state.owner)
    monkeypatch.setenv(PLUGINS_VARIABLE, f"/one{os.pathsep}/mine")
    assert cleanup.plugin_folders(state, ["/mine"]) == ["/mine", "/theirs", "/one"]
    cleanup.clean(state, ())
    assert not state.directory.exists()


@pytest.mark.parametrize(("failure", "kept"), [("", False), ("it clings", True)])
def test_the_guards_log_is_kept_after_a_failure_only(state, failure, kept):
    state.guard_log.write_text("what happened")
    (state.directory / ".job.json.part").write_text("half of what a killed job wro")
    lock = try_lock(state.owner_lock)
    cleanup.release(state, lock, [cleanup.CleanupResult(name="a", failure=failure)])
    assert state.guard_log.exists() == kept
    assert state.directory.exists() == kept
    assert not state.owner_lock.exists()
