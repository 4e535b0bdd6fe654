# SPDX-License-Identifier: Apache-2.0
"""How dom0 is configured, what it is, and what is missing there."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from featherbench.errors import CommandError, MachineSilentError
from featherbench.system.machine import LOCAL
from featherbench.xen import requirements
from featherbench.xen.settings import Dom0Settings

ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="lo")
EMULATED = "QEMU TCG CPU version 2.5+"
REAL = "Intel(R) Xeon(R) E-2336 CPU @ 2.90GHz"


@pytest.fixture
def found(monkeypatch):
    """Have dom0 be such a machine."""

    def be(what):
        monkeypatch.setattr(requirements, "probe", lambda _settings: what)
        monkeypatch.setattr(requirements.programs, "missing", lambda _needs: [])
        monkeypatch.setattr(requirements.programs, "missing_root", list)

    return be


@pytest.mark.parametrize(
    ("processor", "emulated", "said"),
    [
        (REAL, False, ""),
        (EMULATED, True, ""),
        (EMULATED, False, "do not measure Xen"),
        (REAL, True, "a real processor"),
    ],
)
def test_an_emulated_xen_does_not_count_as_xen(found, processor, emulated, said):
    found(requirements.Dom0Info(xen={}, processor=processor))
    whats = [each.what for each in requirements.of(ELSEWHERE, emulated=emulated)]
    assert bool(whats) == bool(said)
    assert all(said in what for what in whats)


def test_a_machine_without_xen_is_reported(found):
    found("dom0 (this machine) was not booted by Xen")
    (lack,) = requirements.of(Dom0Settings(), emulated=False)
    assert "not booted by Xen" in lack.what
    assert "hypervisors: {xen:" in lack.remedy


def test_a_dom0_that_does_not_answer_is_not_missing(found, monkeypatch):
    found("")

    def silent(_settings):
        raise MachineSilentError("dom0 does not answer")

    monkeypatch.setattr(requirements, "probe", silent)
    assert list(requirements.of(ELSEWHERE, emulated=False)) == []


def test_a_missing_link_is_reported(found):
    found(requirements.Dom0Info(xen={}, processor=REAL))
    gone = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="nosuch0")
    (lack,) = requirements.of(gone, emulated=False)
    assert "no interface nosuch0" in lack.what


@pytest.fixture
def dom0(monkeypatch):
    """A dom0 that answers by the first word of what it is asked; None is a failure."""
    answers = {"cat": "control_d\nmodel name : x\n", "sh": "", "xl": "xen_version : 4.17.7\n"}

    class Dom0:
        description = "dom0"

        def run(self, argv, *, check=True, **_):
            if answers[argv[0]] is None and check:
                raise CommandError(argv, "ended with status 1")
            return SimpleNamespace(stdout=answers[argv[0]] or "")

    monkeypatch.setattr(Dom0Settings, "machine", Dom0())
    requirements._probe.cache_clear()
    yield answers
    requirements._probe.cache_clear()


def test_a_complete_dom0_is_described(dom0):
    assert dom0
    assert requirements.probe(ELSEWHERE).xen == {"xen_version": "4.17.7"}


@pytest.mark.parametrize(
    ("asked", "answer", "said"),
    [
        ("cat", "all_is_well", "not booted by Xen"),
        ("sh", "dmsetup\nxl\n", "lacks the programs dmsetup, xl"),
        ("xl", None, "Xen in dom0 does not answer"),
        ("cat", None, "cannot be examined"),
    ],
)
def test_an_incomplete_dom0_is_reported_with_the_reason(dom0, asked, answer, said):
    dom0[asked] = answer
    assert said in requirements.probe(ELSEWHERE)


def test_a_silent_dom0_is_asked_only_once(monkeypatch):
    asked = []

    class Silent:
        def run(self, *_, **__):
            asked.append(1)
            raise MachineSilentError("no answer")

    monkeypatch.setattr(Dom0Settings, "machine", Silent())
    requirements._probe.cache_clear()
    for _ in range(2):
        with pytest.raises(MachineSilentError):
            requirements.probe(ELSEWHERE)
    assert asked == [1]
    requirements._probe.cache_clear()


def test_without_settings_this_machine_is_dom0_and_another_is_described_with_the_remedy():
    assert Dom0Settings().machine == LOCAL
    assert Dom0Settings().machine.description == "dom0 (this machine)"
    dom0 = ELSEWHERE.machine
    assert (dom0.destination, dom0.description) == ("root@xenhost", "dom0 (root@xenhost)")
    assert "BatchMode=yes root@xenhost xl info" in dom0.remedy


def test_a_configuration_for_ssh_is_found_from_any_folder():
    given = {**ELSEWHERE.model_dump(), "ssh_config": "keys/config"}
    assert Dom0Settings.model_validate(given).ssh_config == str(Path.cwd() / "keys/config")


def test_another_dom0_is_reached_by_a_bridge_and_a_link():
    whole = {"dom0": "root@xenhost", "bridge": "xenbr1", "link": "enp3s0"}
    assert Dom0Settings.model_validate(whole).dom0 == "root@xenhost"
    for missing in whole:
        with pytest.raises(ValidationError, match="go together"):
            Dom0Settings.model_validate({k: v for k, v in whole.items() if k != missing})


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "x;y"])
def test_a_name_cannot_be_an_option(name):
    with pytest.raises(ValidationError):
        Dom0Settings(dom0=name, bridge="b", link="l")
