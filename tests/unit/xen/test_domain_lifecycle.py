# SPDX-License-Identifier: Apache-2.0
"""Leftover domains are ended before the next one has their address."""

import pytest

from featherbench.errors import MachineSilentError
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
