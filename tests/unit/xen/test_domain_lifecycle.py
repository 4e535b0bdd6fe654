# SPDX-License-Identifier: Apache-2.0
"""Leftover domains are ended before the next one has their address; files are copied once."""

import os
from types import SimpleNamespace

import pytest

from featherbench.errors import CommandError, InstanceError, MachineSilentError
from featherbench.system.machine import LOCAL
from featherbench.vm import instance_dir
from featherbench.xen import domain_lifecycle
from featherbench.xen.domain_lifecycle import SETTINGS, DomainLifecycle
from featherbench.xen.settings import Dom0Settings

HERE = Dom0Settings()
ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="eth1")


@pytest.fixture
def ended(monkeypatch, tmp_path):
    """Give which domains were ended; a folder here stands for each that was made."""
    monkeypatch.setattr(instance_dir, "ALL", tmp_path)
    names = []
    monkeypatch.setattr(DomainLifecycle, "end", lambda _self, name: names.append(name))
    return names


def made(name, *, state="/mine", hypervisor="xen", settings=HERE):
    own = instance_dir.make(name, state=state, hypervisor=hypervisor)
    if settings is not None:
        (own.path / SETTINGS).write_text(settings.model_dump_json())


def test_only_domains_of_the_same_testbed_under_the_same_dom0_are_ended(ended):
    made("own")
    made("changed", settings=HERE.model_copy(update={"cpus": "1-3"}))
    made("of another testbed", state="/other")
    made("of another host", hypervisor="xentcg")
    made("elsewhere", settings=ELSEWHERE)
    made("never begun", settings=None)
    DomainLifecycle(hypervisor="xen", settings=HERE).end_others("/mine")
    assert ended == ["changed", "own"]


@pytest.mark.usefixtures("ended")
def test_a_domain_that_cannot_be_ended_prevents_the_next_start(monkeypatch):
    made("own")

    def silent(_self, _name):
        raise MachineSilentError("dom0 does not answer")

    monkeypatch.setattr(DomainLifecycle, "end", silent)
    with pytest.raises(MachineSilentError):
        DomainLifecycle(hypervisor="xen", settings=HERE).end_others("/mine")


def test_a_domain_that_was_never_created_is_removed_without_dom0(ended):
    made("never begun", settings=None)
    (left,) = DomainLifecycle(hypervisor="xen", settings=HERE).leftovers()
    domain_lifecycle.remove("xen", left)
    assert not instance_dir.of("never begun").path.exists()
    assert ended == []


class Recorder:
    """A dom0 that has nothing yet, and records what it is asked."""

    description = "dom0"

    def __init__(self):
        self.asked = []

    def run(self, argv, **_):
        self.asked.append(argv[0])
        return SimpleNamespace(exit_status=1 if argv[0] == "test" else 0)

    def put(self, _file, to):
        self.asked.append(f"put {to.name}")


@pytest.fixture
def disk(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    return file


def test_a_complete_copy_replaces_the_old_version(disk):
    recorder = Recorder()
    domain_lifecycle.ensure_copied(recorder, [disk])
    assert recorder.asked == ["test", "rm", "mkdir", "put packed.tar", "tar", "rm", "mv"]


def test_a_file_that_changed_has_another_path(disk):
    before = domain_lifecycle.cached_path(disk)
    os.utime(disk, ns=(1, 1))
    after = domain_lifecycle.cached_path(disk)
    assert before != after
    assert before.parent.parent == after.parent.parent


def test_nothing_is_copied_on_this_machine(disk):
    domain_lifecycle.ensure_copied(LOCAL, [disk])
    assert domain_lifecycle.path_in(LOCAL, disk) == disk


def test_a_copy_that_fails_is_an_error_of_the_image(disk):
    def put(*_):
        raise CommandError(["scp"], "ended with status 1")

    recorder = Recorder()
    recorder.put = put
    with pytest.raises(InstanceError, match="cannot be copied to dom0"):
        domain_lifecycle.ensure_copied(recorder, [disk])
