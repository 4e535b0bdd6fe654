# SPDX-License-Identifier: Apache-2.0
"""All checks of `hardware.py`, `environment.py`, `inspection/check.py` on captured trees."""

import json

import pytest
import yaml

from builders import DATA, write_tree
from featherbench.inspection import environment, hardware
from featherbench.inspection.environment import check_machine, docker_root
from featherbench.records.machine import Judgement

UBUNTU, QUIET = yaml.safe_load_all((DATA / "machines.yaml").read_text())
KNOBS = (
    *("CPU governor", "turbo", "SMT", "idle states", "clock source"),
    *("transparent huge pages", "KSM", "swap in use"),
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(hardware, "SAMPLE_S", 0.0)


@pytest.fixture
def machine(tmp_path):
    def make(*trees):
        for tree in (UBUNTU, *trees):
            write_tree(tmp_path / "root", **{path: f"{text}\n" for path, text in tree.items()})
        results = check_machine(root=tmp_path / "root", results=tmp_path / "results")
        return {result.name: result for result in results}

    return make


def test_a_machine_as_installed_is_noisy_and_each_knob_has_advice(machine):
    results = machine()
    for knob in KNOBS:
        assert results[knob].judgement is Judgement.NOISY, knob
        assert results[knob].advice, knob
    assert results["turbo"].value == "on"
    assert results["idle states"].value == "C10 at most, 890 µs to wake up"
    assert results["swap in use"].value == "2 MiB"


def test_a_quiet_machine_needs_no_advice(machine):
    results = machine(QUIET)
    for knob in KNOBS:
        assert results[knob].judgement is Judgement.OK, knob
        assert not results[knob].advice, knob


def test_bare_metal_without_docker(machine):
    results = machine()
    assert results["virtualisation"].judgement is Judgement.OK
    assert results["control groups"].value == "v2"
    assert results["Docker"].value == "not installed"
    assert results["connection tracking"].value == "not loaded"
    assert results["bridge-nf-call-iptables"].judgement is Judgement.OK
    assert results["operating system"].value == "Ubuntu 22.04.4 LTS"


UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
00000000ac773171: 00000003 00000000 00000000 0001 03 5496585 /var/run/docker.sock.other
00000000780d8156: 00000002 00000000 {flags} 0001 01 5398241 /var/run/docker.sock
00000000780d8157: 00000002 00000000 00010000 0001 01 5398242
"""


def test_docker_in_the_path_of_the_baseline_is_named(machine):
    results = machine(
        {
            "proc/net/unix": UNIX.format(flags="00010000"),
            "proc/sys/net/netfilter/nf_conntrack_max": "262144",
            "proc/sys/net/bridge/bridge-nf-call-iptables": "1",
        }
    )
    for name in ("Docker", "connection tracking", "bridge-nf-call-iptables"):
        assert results[name].judgement is Judgement.NOISY, name
    assert results["Docker"].value == "running, at /var/run/docker.sock"


def test_a_dead_socket_of_docker_is_not_in_the_path_and_podman_is_named(machine):
    dead = machine({"run/docker.sock": "", "proc/net/unix": UNIX.format(flags="00000000")})
    assert dead["Docker"].value == "not installed"
    podman = UNIX.format(flags="00010000").replace("docker.sock", "podman/podman.sock")
    found = machine({"proc/net/unix": podman})["Docker"]
    assert found.value == "Podman in its place, at /var/run/podman/podman.sock"


def test_two_kinds_of_cpus_are_named(machine):
    assert machine()["kinds of CPU"].value == "one"
    found = machine({"sys/devices/cpu_core/cpus": "0-1", "sys/devices/cpu_atom/cpus": "2-3"})
    assert found["kinds of CPU"].judgement is Judgement.NOISY
    assert found["kinds of CPU"].value == "2, the fastest first: 0, 1; 2, 3"


def test_energy_counters_are_named_or_what_is_lost_without_them(machine):
    assert machine()["energy counters"].value.startswith("none in /sys/class/powercap")
    found = machine({"sys/class/powercap/intel-rapl:0/name": "package-0"})["energy counters"]
    assert (found.judgement, found.value) == (Judgement.OK, "package-0")


def test_what_cannot_be_read_is_unknown_and_not_ok(tmp_path):
    checked = check_machine(root=tmp_path, results=tmp_path)
    results = {result.name: result for result in checked}
    assert results["CPU governor"].judgement is Judgement.UNKNOWN
    assert results["turbo"].judgement is Judgement.UNKNOWN
    assert results["steal"].judgement is Judgement.UNKNOWN
    assert results["control groups"].judgement is Judgement.MISSING


def test_a_taken_port_is_named_with_the_remedy(machine):
    taken = "  sl  local_address rem_address st\n 0: 00000000:46A0 00000000:0000 0A 0:0 0"
    result = machine({"proc/net/tcp": taken})["free ports"]
    assert result.judgement is Judgement.MISSING
    assert result.value == "198.18.0.1: 16379 free, 18080 taken"
    assert "18080" in result.advice


def test_missing_programs_are_listed_with_their_packages(tmp_path):
    folder = tmp_path / "usr/bin"
    folder.mkdir(parents=True)
    for program in set(environment.PACKAGES) - {"wrk", "dot", "ping"}:
        (folder / program).touch(mode=0o755)
    result = environment.PROGRAMS.run(tmp_path)
    assert result.judgement is Judgement.MISSING
    assert result.value == "dot, ping, wrk not found"
    assert result.advice == "apt install graphviz iputils-ping wrk"


def test_too_little_memory_is_missing_not_noisy(machine):
    result = machine({"proc/meminfo": "MemTotal: 900000 kB\nMemAvailable:   500000 kB"})["memory"]
    assert result.judgement is Judgement.MISSING


def test_docker_keeps_its_images_where_its_settings_say(tmp_path):
    settings = tmp_path / "etc/docker/daemon.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"data-root": "/srv/docker"}))
    assert str(docker_root(tmp_path)) == "/srv/docker"
    settings.write_text("not json")
    assert docker_root(tmp_path) == tmp_path / "var/lib/docker"
