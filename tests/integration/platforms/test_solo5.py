# SPDX-License-Identifier: Apache-2.0
"""Solo5's tenders, a fake in their place: what they are told, and how a guest lives and ends."""

import json
from pathlib import Path

import pytest

from builders import ELF_HEAD, UnikernelSubject, placement_on, stand_in
from featherbench import registry
from featherbench.errors import InstanceDiedError
from featherbench.system import cgroup, iproute
from featherbench.system.polling import wait_until
from featherbench.unikernels import tap

pytestmark = pytest.mark.testbed
FAKE = Path(__file__).with_name("fake_solo5.py")
ENDS_WITHIN_S = 10.0


class Tenders(UnikernelSubject):
    """MirageOS images on the bare host."""

    @property
    def kernel(self):
        return self.folder / "www.spt"

    def start(self, how, **keys):
        keys |= {"kernel": self.kernel, "arguments": f"{how} ${{address}}/${{prefix}}"}
        assert self.technology.available_images(self.settings(**keys))["startup"] == []
        return super().start(self.image(**keys))

    def end_of(self, instance):
        super().end_of(instance, within_s=ENDS_WITHIN_S)
        return self.await_diagnosis(instance, "ended by itself", within_s=ENDS_WITHIN_S)

    def told(self):
        noted = self.folder / "told.json"
        wait_until(noted.exists, what="the tender", within_s=ENDS_WITHIN_S)
        return wait_until(
            lambda: json.loads(noted.read_text() or "null"), what="words", within_s=ENDS_WITHIN_S
        )


@pytest.fixture
def tenders(wire, tmp_path, monkeypatch):
    stand_in(FAKE, tmp_path / "bin", monkeypatch, "solo5-spt")
    monkeypatch.setenv("FAKE_SOLO5_LOG", str(tmp_path / "told.json"))
    placement = placement_on(wire, tmp_path)
    technology = registry.platform("mirageos", "native")
    given = Tenders(technology=technology, placement=placement, folder=tmp_path)
    given.kernel.write_bytes(ELF_HEAD + b"Solo5 solo5-spt")
    if missing_requirements := given.technology.missing_requirements():
        pytest.skip(missing_requirements[0].what)
    yield given
    for driver in (registry.load("hypervisors", "tcg"), given.technology):
        for leftover in given.leftovers(driver):
            driver.remove(leftover)


def test_a_tender_gets_the_declared_devices_and_ends_when_stopped(tenders):
    disk = tenders.folder / "d.img"
    disk.write_bytes(bytes(512))
    instance = tenders.start(
        "stay",
        boot="kernel+disk",
        disks=[{"path": str(disk), "name": "data"}],
        nic={"name": "uplink"},
        memory_mib=16,
    )
    _, *words = tenders.told()
    (mac,) = (word for word in words if word.startswith("--net-mac:uplink=52:54:00:"))
    assert words == [
        "--mem=16",
        f"--net:uplink={tap.name_of(instance.id)}",
        mac,
        f"--block:data={disk}",
        "--",
        str(tenders.kernel),
        "stay",
        f"{instance.endpoint.address}/25",
    ]
    assert tenders.technology.is_running(instance)
    assert tenders.technology.usage(instance).memory_current_bytes > 0
    assert "its process runs" in tenders.technology.diagnosis(instance)
    tenders.technology.stop(instance)
    assert not iproute.exists(tap.name_of(instance.id))
    assert cgroup.members(cgroup.own_group(instance.id)) == set()


@pytest.mark.parametrize(
    ("how", "status", "failure"),
    [("exit=0", 0, ""), ("exit=3", 3, "solo5_exit(3) called"), ("abort", 255, "solo5_abort()")],
)
def test_an_end_is_reported_with_its_status(tenders, how, status, failure):
    instance = tenders.start(how)
    said = tenders.end_of(instance)
    assert f"ended by itself, with status {status}" in said
    assert failure in said
    with pytest.raises(InstanceDiedError):
        tenders.technology.usage(instance)


def test_an_end_that_the_description_allows_is_no_failure(tenders):
    instance = tenders.start("exit=0", accepted_exits=[0])
    tenders.end_of(instance)
    assert tenders.technology.usage(instance).cpu_s is None


@pytest.mark.parametrize("content", [b"something else", b"Solo5 solo5-hvt"])
def test_an_image_of_another_interface_is_reported(tenders, content):
    tenders.kernel.write_bytes(ELF_HEAD + content)
    assert "does not know this image's interface (ABI)" in tenders.end_of(tenders.start("stay"))


def test_a_guest_of_a_broken_run_is_found(tenders):
    instance = tenders.start("stay")
    (left,) = (each for each in tenders.leftovers() if each.name == instance.id)
    tenders.technology.remove(left)
    assert not tenders.technology.is_running(instance)
