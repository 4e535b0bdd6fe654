# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from featherbench.cli import doctor
from featherbench.errors import ConfigError
from featherbench.inspection import available_drivers, capabilities, load
from featherbench.inspection.all_checks import examine
from featherbench.inspection.available_drivers import Candidate
from featherbench.inspection.check import Surroundings
from featherbench.inspection.doctor_report import COLUMNS, Checkup, render
from featherbench.inspection.memory import docker_root
from featherbench.records.machine import Finding, Judgement
from featherbench.records.plan import MissingRequirement, Plan, PlannedPlatform

if TYPE_CHECKING:
    from pathlib import Path

CPU = "sys/devices/system/cpu"
UBUNTU = {
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.4 LTS"',
    "proc/cpuinfo": "\n".join(
        f"processor\t: {n}\nmodel name\t: Intel(R) Xeon(R) E-2278G CPU @ 3.40GHz\n"
        "microcode\t: 0xf8\nflags\t\t: fpu vme tsc constant_tsc nonstop_tsc\n"
        for n in range(4)
    ),
    "proc/meminfo": "MemTotal:       32768000 kB\nMemAvailable:   30000000 kB",
    "proc/swaps": "Filename Type Size Used Priority\n/swap.img file 8388604 2048 -2",
    "proc/loadavg": "0.12 0.20 0.18 1/412 99812",
    "proc/stat": "cpu  1000 0 500 90000 10 0 5 0 0 0\ncpu0 1 2 3",
    "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev 0 0",
    "proc/self/limits": "Max open files            1024                 1048576              files",
    "proc/sys/kernel/osrelease": "5.15.0-105-generic",
    "proc/sys/net/ipv4/ip_forward": "0",
    "proc/net/tcp": "  sl  local_address rem_address   st\n",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave",
    f"{CPU}/intel_pstate/no_turbo": "0",
    f"{CPU}/smt/active": "1",
    f"{CPU}/cpu0/cpuidle/state0/name": "POLL",
    f"{CPU}/cpu0/cpuidle/state0/latency": "0",
    f"{CPU}/cpu0/cpuidle/state1/name": "C10",
    f"{CPU}/cpu0/cpuidle/state1/latency": "890",
    f"{CPU}/vulnerabilities/mds": "Mitigation: Clear CPU buffers; SMT vulnerable",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet",
    "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
    "sys/kernel/mm/ksm/run": "1",
}
QUIET = {
    "proc/swaps": "Filename Type Size Used Priority",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "performance",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance",
    f"{CPU}/intel_pstate/no_turbo": "1",
    f"{CPU}/smt/active": "0",
    f"{CPU}/cpu0/cpuidle/state1/latency": "2",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/kernel/mm/ksm/run": "0",
}
KNOBS = (
    "CPU governor",
    "turbo",
    "SMT",
    "idle states",
    "clock source",
    "transparent huge pages",
    "KSM",
    "swap in use",
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(load.Steal, "sample_s", 0.0)


@pytest.fixture
def machine(tmp_path):
    def make(*trees: dict[str, str]) -> dict[str, Finding]:
        for tree in (UBUNTU, *trees):
            for path, content in tree.items():
                file = tmp_path / "root" / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content + "\n")
        where = Surroundings(root=tmp_path / "root", results=tmp_path / "results")
        return {found.name: found for found in examine(where)}

    return make


def test_a_machine_as_installed_is_noisy_and_each_knob_has_advice(machine):
    found = machine()
    for knob in KNOBS:
        assert found[knob].judgement is Judgement.NOISY, knob
        assert found[knob].advice, knob
    assert found["turbo"].value == "on"
    assert found["idle states"].value == "C10 at most, 890 µs to wake up"
    assert found["swap in use"].value == "2 MiB"


def test_a_quiet_machine_needs_no_advice(machine):
    found = machine(QUIET)
    for knob in KNOBS:
        assert found[knob].judgement is Judgement.OK, knob
        assert not found[knob].advice, knob


def test_bare_metal_without_docker(machine):
    found = machine()
    assert found["virtualisation"].judgement is Judgement.OK
    assert found["control groups"].value == "v2"
    assert found["Docker"].value == "not installed"
    assert found["connection tracking"].value == "not loaded"
    assert found["bridge-nf-call-iptables"].judgement is Judgement.OK
    assert found["operating system"].value == "Ubuntu 22.04.4 LTS"


def test_docker_in_the_path_of_the_baseline_is_named(machine):
    found = machine(
        {
            "run/docker.sock": "",
            "proc/sys/net/netfilter/nf_conntrack_max": "262144",
            "proc/sys/net/bridge/bridge-nf-call-iptables": "1",
        }
    )
    for name in ("Docker", "connection tracking", "bridge-nf-call-iptables"):
        assert found[name].judgement is Judgement.NOISY, name


def test_what_cannot_be_read_is_unknown_and_not_ok(tmp_path):
    found = {f.name: f for f in examine(Surroundings(root=tmp_path, results=tmp_path))}
    assert found["CPU governor"].judgement is Judgement.UNKNOWN
    assert found["turbo"].judgement is Judgement.UNKNOWN
    assert found["steal"].judgement is Judgement.UNKNOWN
    assert found["control groups"].judgement is Judgement.MISSING


def test_a_taken_port_is_named_with_the_remedy(machine):
    taken = "  sl  local_address rem_address st\n 0: 00000000:46A0 00000000:0000 0A 0:0 0"
    found = machine({"proc/net/tcp": taken})["free ports"]
    assert found.judgement is Judgement.MISSING
    assert found.value == "198.18.0.1: 16379 free, 18080 taken"
    assert "18080" in found.advice


def test_missing_programs_are_told_with_their_packages(tmp_path):
    folder = tmp_path / "usr/bin"
    folder.mkdir(parents=True)
    for program in set(capabilities.PACKAGES) - {"wrk", "dot", "ping"}:
        (folder / program).touch(mode=0o755)
    found = capabilities.Programs().examine(Surroundings(root=tmp_path))
    assert found.judgement is Judgement.MISSING
    assert found.value == "dot, ping, wrk not found"
    assert found.advice == "apt install graphviz iputils-ping wrk"


def test_too_little_memory_is_missing_not_noisy(machine):
    found = machine({"proc/meminfo": "MemTotal: 900000 kB\nMemAvailable:   500000 kB"})["memory"]
    assert found.judgement is Judgement.MISSING


def test_docker_keeps_its_images_where_its_settings_say(tmp_path):
    settings = tmp_path / "etc/docker/daemon.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"data-root": "/srv/docker"}))
    assert str(docker_root(tmp_path)) == "/srv/docker"
    settings.write_text("not json")
    assert docker_root(tmp_path) == tmp_path / "var/lib/docker"


PLUGIN = """
class Technology(linux.Technology):
    def missing_requirements(self):
        return MISSING
"""


@pytest.fixture
def plugin(tmp_path):
    def make(missing_requirements: str) -> str:
        folder = tmp_path / "plugin"
        (folder / "technologies").mkdir(parents=True)
        imports = (
            "from featherbench.records.requirement import MissingRequirement\n"
            "from featherbench.technologies import linux"
        )
        code = f"{imports}\nMISSING = {missing_requirements}\n" + PLUGIN
        (folder / "technologies" / "fridge.py").write_text(code)
        return str(folder)

    return make


def by_name(found: tuple[Candidate, ...]) -> dict[str, Candidate]:
    return {candidate.name: candidate for candidate in found}


def test_a_plugins_technology_is_a_candidate_on_each_host_there_is(plugin):
    found = by_name(available_drivers.platforms([plugin("()")]))
    assert found["fridge-native"].available


def test_what_a_technology_lacks_is_told_with_the_remedy(plugin):
    missing_requirements = '(MissingRequirement(what="no ice", remedy="make some"),)'
    found = by_name(available_drivers.platforms([plugin(missing_requirements)]))["fridge-native"]
    assert not found.available
    assert found.missing_requirements == (MissingRequirement(what="no ice", remedy="make some"),)


def test_what_a_plan_asks_for_without_a_driver_is_a_row():
    lack = MissingRequirement(what="no driver for xen", remedy="write one")
    asked = PlannedPlatform(
        name="osv-xen+nat",
        technology="osv",
        hypervisor="xen",
        network="nat",
        image_owner="osv",
        virtualized=True,
        missing_requirements=(lack,),
    )
    plan = Plan(
        config_file="c.yaml",
        config={},
        baseline="linux-native",
        seed=1,
        platforms=(asked,),
        workloads=(),
    )
    assert by_name(available_drivers.platforms((), plan))["osv-xen"].missing_requirements == (lack,)


def checkup(
    *,
    missing_requirements: tuple[MissingRequirement, ...] = (),
    judgement: Judgement = Judgement.OK,
) -> Checkup:
    return Checkup(
        baseline="linux-native",
        platforms=(
            Candidate(name="linux-native", missing_requirements=missing_requirements),
            Candidate(
                name="osv-kvm",
                missing_requirements=(MissingRequirement(what="w " * 90, remedy="r"),),
            ),
        ),
        load_generators=(),
        machine=(Finding(name="root", judgement=judgement, value="v" * 8, advice="do " * 60),),
    )


def test_another_platforms_lack_does_not_keep_the_baseline_from_running():
    assert checkup().can_run
    assert checkup(judgement=Judgement.NOISY).can_run


def test_the_baseline_cannot_run_without_what_it_or_any_run_needs():
    assert not checkup(missing_requirements=(MissingRequirement(what="x", remedy="y"),)).can_run
    assert not checkup(judgement=Judgement.MISSING).can_run


def test_the_table_is_narrow_and_plain_unless_asked_for_colour():
    text = render(checkup(judgement=Judgement.NOISY), colour=False)
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "\033" not in text
    assert "\033[33mnoisy\033[0m" in render(checkup(judgement=Judgement.NOISY), colour=True)


def test_status_names_and_values_are_aligned():
    lines = render(checkup(), colour=False).splitlines()
    platforms = lines[1:3]
    assert platforms[0].startswith("  available  linux-native")
    assert platforms[1].startswith("  missing    osv-kvm     ")
    assert "none" in lines[lines.index("Load generators") + 1]


def test_what_is_missing_again_is_told_once():
    missing_requirements = (MissingRequirement(what="no Xen", remedy="boot it"),)
    rows = tuple(
        Candidate(name=name, missing_requirements=missing_requirements)
        for name in ("linux-xen", "docker-xen")
    )
    text = render(checkup().model_copy(update={"platforms": rows}), colour=False)
    assert text.count("no Xen") == 1
    assert "missing    docker-xen  as linux-xen" in text


@pytest.mark.parametrize(
    ("missing_requirements", "status"), [((), 0), (({"what": "x", "remedy": "y"},), 1)]
)
def test_the_command_prints_json_and_its_exit_status_tells(
    monkeypatch, capsys, missing_requirements, status
):
    found = checkup(
        missing_requirements=tuple(
            MissingRequirement.model_validate(lack) for lack in missing_requirements
        )
    )
    monkeypatch.setattr(doctor, "check", lambda config, file: found)  # noqa: ARG005
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    assert doctor.run(parser.parse_args(["doctor", "--json"])) == status
    assert Checkup.model_validate_json(capsys.readouterr().out) == found


def test_a_config_file_that_does_not_exist_is_one_message(tmp_path: Path):
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    with pytest.raises(ConfigError, match="there is no file"):
        doctor.run(parser.parse_args(["doctor", "--config", str(tmp_path / "none.yaml")]))
