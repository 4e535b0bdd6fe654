# SPDX-License-Identifier: Apache-2.0
"""How dom0 is reached, what is brought there, and what is missing without it."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from featherbench import registry
from featherbench.errors import CommandError, InstanceError, MachineSilentError, TestbedError
from featherbench.system.machine import LOCAL
from featherbench.xen import dom0_probe, image_cache, network_link, requirements
from featherbench.xen.settings import Dom0Settings

CAPTURED = Path(__file__).parents[2] / "data/xen"
ELSEWHERE = Dom0Settings(dom0="root@xenhost", bridge="xenbr1", link="lo")
EMULATED = "QEMU TCG CPU version 2.5+"
REAL = "Intel(R) Xeon(R) E-2336 CPU @ 2.90GHz"


def test_without_settings_this_machine_is_dom0():
    assert Dom0Settings().machine == LOCAL
    assert Dom0Settings().machine.description == "dom0 (this machine)"


def test_another_dom0_is_named_with_the_remedy():
    dom0 = ELSEWHERE.machine
    assert (dom0.destination, dom0.description) == ("root@xenhost", "dom0 (root@xenhost)")
    assert "BatchMode=yes root@xenhost xl info" in dom0.remedy


# --- images --------------------------------------------------------------------------------------


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


def test_a_file_is_brought_whole_and_in_place_of_what_it_was(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    recorder = Recorder()
    image_cache.ensure_copied(recorder, [file])
    wanted = ["test", "rm", "mkdir", "put packed.tar", "tar", "rm", "mv"]
    assert recorder.asked == wanted


def test_a_file_that_changed_has_another_place(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    before = image_cache.cached_path(file)
    os.utime(file, ns=(1, 1))
    after = image_cache.cached_path(file)
    assert before != after
    assert before.parent.parent == after.parent.parent


def test_here_nothing_is_copied(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    image_cache.ensure_copied(LOCAL, [file])
    assert image_cache.path_in(LOCAL, file) == file


def test_a_copy_that_fails_is_an_error_of_the_image(tmp_path):
    def put(*_):
        raise CommandError(["scp"], "ended with status 1")

    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    recorder = Recorder()
    recorder.put = put
    with pytest.raises(InstanceError, match="cannot be copied to dom0"):
        image_cache.ensure_copied(recorder, [file])


# --- what is missing -----------------------------------------------------------------------------


@pytest.fixture
def found(monkeypatch):
    """Have dom0 be such a machine."""

    def be(what):
        monkeypatch.setattr(dom0_probe, "probe", lambda _settings: what)
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
def test_an_emulated_xen_is_never_passed_off_as_xen(found, processor, emulated, said):
    found(dom0_probe.Dom0Info(xen={}, processor=processor))
    whats = [each.what for each in requirements.of(ELSEWHERE, emulated=emulated)]
    assert bool(whats) == bool(said)
    assert all(said in what for what in whats)


def test_a_machine_without_xen_lacks_it(found):
    found("dom0 (this machine) was not booted by Xen")
    (lack,) = requirements.of(Dom0Settings(), emulated=False)
    assert "not booted by Xen" in lack.what
    assert "hypervisors: {xen:" in lack.remedy


def test_a_dom0_that_does_not_answer_is_not_missing(found, monkeypatch):
    found("")

    def silent(_settings):
        raise MachineSilentError("dom0 does not answer")

    monkeypatch.setattr(dom0_probe, "probe", silent)
    assert list(requirements.of(ELSEWHERE, emulated=False)) == []


def test_a_link_that_is_not_there_is_named(found):
    found(dom0_probe.Dom0Info(xen={}, processor=REAL))
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
    dom0_probe._probe_once.cache_clear()
    yield answers
    dom0_probe._probe_once.cache_clear()


def test_a_whole_dom0_tells_what_it_is(dom0):
    assert dom0
    assert dom0_probe.probe(ELSEWHERE).xen == {"xen_version": "4.17.7"}


@pytest.mark.parametrize(
    ("asked", "answer", "said"),
    [
        ("cat", "all_is_well", "not booted by Xen"),
        ("sh", "dmsetup\nxl\n", "lacks the programs dmsetup, xl"),
        ("xl", None, "Xen in dom0 does not answer"),
        ("cat", None, "cannot be examined"),
    ],
)
def test_a_dom0_that_lacks_something_says_what(dom0, asked, answer, said):
    dom0[asked] = answer
    assert said in dom0_probe.probe(ELSEWHERE)


def test_silence_is_waited_for_once(monkeypatch):
    asked = []

    class Silent:
        def run(self, *_, **__):
            asked.append(1)
            raise MachineSilentError("no answer")

    monkeypatch.setattr(Dom0Settings, "machine", Silent())
    dom0_probe._probe_once.cache_clear()
    for _ in range(2):
        with pytest.raises(MachineSilentError):
            dom0_probe.probe(ELSEWHERE)
    assert asked == [1]
    dom0_probe._probe_once.cache_clear()


# --- the link ------------------------------------------------------------------------------------


@pytest.fixture
def interfaces(monkeypatch, tmp_path):
    """An interface `eth1`, and the means to put it to use."""
    monkeypatch.setattr(network_link, "INTERFACES", tmp_path)
    monkeypatch.setattr(network_link, "addresses", lambda _link: [])
    monkeypatch.setattr(network_link.bridge, "owners", lambda: {"fb-guest1": "/other"})
    monkeypatch.setattr(network_link.bridge, "ports", lambda _name: ["eth1"])
    (tmp_path / "eth1").mkdir()

    def use(master="", *uppers):
        for name in filter(None, (master, *uppers)):
            (tmp_path / name).mkdir()
            (tmp_path / "eth1" / f"upper_{name}").symlink_to(tmp_path / name)
        if master:
            (tmp_path / "eth1/master").symlink_to(tmp_path / master)

    return use


def test_a_free_link_is_free(interfaces):
    interfaces()
    assert network_link.in_use("eth1", "fb-guest0") == ""


def test_a_link_on_our_own_bridge_is_free(interfaces):
    interfaces("fb-guest0")
    assert network_link.in_use("eth1", "fb-guest0") == ""


@pytest.mark.parametrize(
    ("uses", "said"),
    [(("br0",), "is a part of br0"), (("", "eth1.7"), "carries eth1.7")],
)
def test_a_link_of_somebody_elses_is_left_alone(interfaces, uses, said):
    interfaces(*uses)
    assert network_link.in_use("eth1", "fb-guest0") == said
    with pytest.raises(TestbedError, match="in use"):
        network_link.attach("eth1", "fb-guest0")


def test_a_link_with_an_address_is_left_alone(interfaces, monkeypatch):
    interfaces()
    monkeypatch.setattr(network_link, "addresses", lambda _link: ["192.0.2.7"])
    assert network_link.in_use("eth1", "fb-guest0") == "has the address 192.0.2.7"


def test_a_link_is_taken_from_a_bridge_of_ours_without_guests_alone(interfaces, monkeypatch):
    interfaces("fb-guest1")
    assert network_link.in_use("eth1", "fb-guest0") == ""
    monkeypatch.setattr(network_link.bridge, "ports", lambda _name: ["eth1", "vnet0"])
    assert "guests of another run" in network_link.in_use("eth1", "fb-guest0")


def test_a_configuration_for_ssh_is_found_from_any_folder():
    given = {**ELSEWHERE.model_dump(), "ssh_config": "keys/config"}
    assert Dom0Settings.model_validate(given).ssh_config == str(Path.cwd() / "keys/config")


# --- platforms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hypervisor", ["xen", "xentcg"])
@pytest.mark.parametrize("technology", ["linux", "docker", "lxd", "rumprun", "mirageos", "floor"])
def test_every_technology_of_the_paper_runs_in_domains(technology, hypervisor):
    settings = ELSEWHERE.model_dump()
    platform = registry.platform(technology, hypervisor, hypervisor_settings=settings)
    runner = getattr(platform, "hypervisor", None) or platform.runner
    assert (runner.name, runner.settings) == (hypervisor, ELSEWHERE)
    assert registry.load("hypervisors", hypervisor).virtualized
    assert registry.load("hypervisors", hypervisor).emulated == (hypervisor == "xentcg")


def test_whole_systems_on_xen_are_set_as_xen_has_it():
    settings = registry.platform("linux", "xen").Settings()
    assert settings.guest.mode == "pvh"
    assert not hasattr(settings.guest, "machine")
    assert registry.image_owner("linux", "xen") == registry.image_owner("linux", "kvm")
