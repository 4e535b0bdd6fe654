# SPDX-License-Identifier: Apache-2.0
"""Values set in a running guest, by a program that stands in for rumpctrl's sysctl."""

import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

import builders
from featherbench import registry
from featherbench.contracts.image_description import Control
from featherbench.errors import ConfigError, InstanceError
from featherbench.records.instance import Endpoint
from featherbench.unikernels import description_loader, runtime_control

FAKE = Path(__file__).with_name("fake_rumpctrl.py")
ADDRESS = "198.18.2.2"
NAMES = [f"proc.{n}.rlimit.descriptors.{kind}" for n in (0, 1, 2) for kind in ("hard", "soft")]


class Rumpctrl:
    """The program, and the guest that it reaches."""

    def __init__(self, folder, monkeypatch):
        self.program = folder / "rumpctrl/bin/sysctl"
        self.program.parent.mkdir(parents=True)
        shutil.copy(FAKE, self.program)
        self.guest = folder / "guest.json"
        monkeypatch.setenv("FAKE_RUMPCTRL", str(self.guest))
        monkeypatch.delenv("RUMP_SERVER", raising=False)
        self.is_built()

    def is_built(self, *, maxfiles=200_000, listens=f"tcp://{ADDRESS}:12345", processes=(0, 1, 2)):
        values = {name: 128 for name in NAMES if int(name.split(".")[1]) in processes}
        values |= {name: maxfiles for name in values if name.endswith("hard")}
        guest = {"listens": listens, "maxfiles": maxfiles, "values": values, "told": []}
        self.guest.write_text(json.dumps(guest))

    def told(self):
        return json.loads(self.guest.read_text())["told"]


@pytest.fixture
def rumpctrl(tmp_path, monkeypatch):
    return Rumpctrl(tmp_path, monkeypatch)


def shipped(service="kv", backend="qemu", **changes):
    return description_loader.find("rumprun", service, backend, {"control": changes}).control


ON_BOTH = pytest.mark.parametrize("backend", ["qemu", "xl"])


@ON_BOTH
@pytest.mark.parametrize("service", ["http", "kv"])
def test_the_papers_listing_is_applied_and_read_back(rumpctrl, service, backend):
    found = runtime_control.apply(shipped(service, backend, program=str(rumpctrl.program)), ADDRESS)
    assert found == dict.fromkeys(NAMES, "200000")
    server = f"tcp://{ADDRESS}:12345"
    assert [words for words in rumpctrl.told() if words[1] == "-w"] == [
        [server, "-w", f"{name}=200000"] for name in NAMES
    ]


@ON_BOTH
@pytest.mark.parametrize("service", ["http", "kv"])
def test_the_image_is_started_with_what_the_program_needs(service, backend):
    told = description_loader.find("rumprun", service, backend, {}).arguments
    assert '"env": "RUMPRUN_SYSPROXY=tcp://0:12345", ' in told


def test_without_the_program_nothing_is_set_and_the_reason_is_reported(rumpctrl, tmp_path):
    (said,) = runtime_control.apply(shipped(), ADDRESS).values()
    assert said.startswith("not applied: the path of its program is not configured")
    assert runtime_control.GUIDE in said
    (said,) = runtime_control.apply(shipped(program=str(tmp_path / "gone")), ADDRESS).values()
    assert said.startswith(f"not applied: {tmp_path}/gone does not exist")
    assert rumpctrl.told() == []


@pytest.mark.parametrize("maxfiles", [3404, 20_000])
@pytest.mark.parametrize("asked", [200_000, 20_001])
def test_limits_that_the_guest_cuts_are_set_as_far_as_it_allows(rumpctrl, maxfiles, asked):
    rumpctrl.is_built(maxfiles=maxfiles)
    values = dict.fromkeys(NAMES, asked)
    found = runtime_control.apply(shipped(program=str(rumpctrl.program), values=values), ADDRESS)
    assert found == dict.fromkeys(NAMES, f"{maxfiles}, though {asked} was asked for")


def test_a_value_that_the_guest_refuses_is_read_and_reported(tmp_path):
    program = program_that(tmp_path, '[ "$1" = -n ] && echo 7 || { echo no >&2; exit 1; }')
    values = {"kern.hz": 100}
    found = runtime_control.apply(shipped(program=program, values=values), ADDRESS)
    assert found == {"kern.hz": "7, though 100 was asked for"}


def test_who_lists_one_value_wants_no_other(rumpctrl):
    soft = "proc.1.rlimit.descriptors.soft"
    control = shipped(program=str(rumpctrl.program), values={soft: 3000})
    assert control.values == {soft: "3000"}
    assert control.environment == shipped().environment
    rumpctrl.is_built(maxfiles=3404)
    assert runtime_control.apply(control, ADDRESS) == {soft: "3000"}


@pytest.mark.parametrize(
    ("built", "said"),
    [({"listens": None}, "rumpclient init failed"), ({"processes": (0, 1)}, "No such process")],
    ids=["no proxy in it", "no such process"],
)
def test_a_refusal_is_an_error_with_message_and_remedy(rumpctrl, built, said):
    rumpctrl.is_built(**built)
    with pytest.raises(InstanceError, match="cannot be set in the guest") as refused:
        runtime_control.apply(shipped(program=str(rumpctrl.program)), ADDRESS)
    assert said in refused.value.message
    assert "`control: {values: {proc." in refused.value.remedy


def program_that(folder, does):
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    return str(program)


def test_a_program_that_hangs_is_ended(tmp_path):
    program = program_that(tmp_path, "exec sleep 60")
    with pytest.raises(InstanceError, match=r"did not end within 0\.2 s"):
        runtime_control.apply(shipped(program=program, within_s=0.2), ADDRESS)


@pytest.mark.parametrize(
    ("mode", "said"), [(0o755, "prints no value of proc"), (0o644, "Permission denied")]
)
def test_a_program_that_reads_nothing_back_or_cannot_be_run_is_an_error(tmp_path, mode, said):
    program = program_that(tmp_path, "exit 0")
    Path(program).chmod(mode)
    with pytest.raises(InstanceError, match=said):
        runtime_control.apply(shipped(program=program), ADDRESS)


def test_the_path_of_the_program_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped(program="rumpctrl/bin/sysctl").program == tmp_path / "rumpctrl/bin/sysctl"


def test_a_placeholder_that_nothing_fills_is_refused():
    with pytest.raises(ConfigError, match=r"nothing fills \$\{adress\} in '\$\{adress\}'"):
        shipped(environment={"RUMP_SERVER": "${adress}"})
    with pytest.raises(ValidationError, match="known: address, name, value"):
        Control(set=("5$",), read=(), values={})


def test_a_technology_applies_the_settings_of_the_description(rumpctrl):
    def instance(**keys):
        at = Endpoint(address=ADDRESS, port=16379, ping_address=ADDRESS)
        wanted = description_loader.find("rumprun", "kv", "qemu", keys)
        handle = {"description": wanted.model_dump(mode="json")}
        return builders.instance(service="kv", handle=handle, endpoint=at)

    rumprun = registry.platform("rumprun", "tcg")
    own = instance(control={"program": str(rumpctrl.program)})
    assert rumprun.apply_runtime_settings(own) == dict.fromkeys(NAMES, "200000")
    assert rumprun.apply_runtime_settings(instance(control=None)) == {}
