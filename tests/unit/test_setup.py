# SPDX-License-Identifier: Apache-2.0
"""What the set-up installs and starts, with programs of the system replaced by ones that tell."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from builders import DATA, captured, ran
from featherbench.system.polling import wait_until

SETUP = Path(__file__).parents[2] / "setup"
STAND_INS = {file.name: file.read_text() for file in (DATA / "setup").iterdir()}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A copy of the set-up, on a machine of whose programs some are ours."""
    shutil.copytree(SETUP, tmp_path / "setup")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def put(machine, name, content):
    program = machine / "bin" / name
    program.write_text(content)
    program.chmod(0o755)


def said_by(*command):
    """Run a command that succeeds; return what it said."""
    done = ran(*command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_packages(machine, listed, *, installed="", offered="", conflicting=""):
    """Run packages.sh with a list; return its process and the packages of each call of apt."""
    (machine / "setup/packages.txt").write_text(listed)
    told = machine / "told"
    put(machine, "dpkg-query", STAND_INS["dpkg-query"].format(installed=installed))
    put(machine, "apt-cache", STAND_INS["apt-cache"].format(offered=offered))
    put(machine, "dpkg", "#!/bin/sh\necho amd64\n")
    put(machine, "python3.13", "#!/bin/sh\n")
    put(machine, "apt-get", STAND_INS["apt-get"].format(told=told, conflicting=conflicting))
    put(machine, "sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    done = ran(machine / "setup/packages.sh")
    lines = told.read_text().splitlines() if told.exists() else []
    return done, [line.split("--no-remove ")[1].split() for line in lines if " install " in line]


def installs(machine, listed, **system):
    """Return what packages.sh has apt install; None if that is nothing."""
    done, calls = run_packages(machine, listed, **system)
    assert done.returncode == 0, done.stderr
    return calls[0] if calls else None


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ("curl # asks\n\nwrk\n", ["wrk"]),
        ("curl\n", None),
        ("kvm-arm [arm64]\nkvm-x86  [amd64]  # guests\n", ["kvm-x86"]),
        ("engine unless sh,nowhere\n", None),
        ("engine unless nowhere,neither\n", ["engine"]),
        ("snapped|incus|nothing\n", ["incus"]),
        ("curl|incus\n", None),
        ("incus|curl\n", None),
        ("snapped|nothing\n", None),
        ("snapped|nothing\nwrk\n", ["wrk"]),
        ("unknown|neither\n", ["unknown"]),
    ],
)
def test_what_is_missing_is_installed(machine, listed, wanted):
    assert installs(machine, listed, installed="curl", offered="wrk incus engine") == wanted


def test_every_line_of_ours_is_understood(machine):
    listed = (SETUP / "packages.txt").read_text()
    words = [line.split("#")[0].split() for line in listed.splitlines()]
    first = {line[0].split("|")[0] for line in words if line}
    packages = installs(machine, listed, offered=" ".join(first))
    assert set(packages) <= first
    assert not [name for name in packages if not name.replace("-", "").replace(".", "").isalnum()]


LISTED = "curl # asks\nengine|other unless nowhere # starts containers\nwrk\n"
THREE = {"offered": "curl engine wrk"}


def test_a_package_that_conflicts_costs_that_one_alone(machine):
    done, calls = run_packages(machine, LISTED, **THREE, conflicting="engine")
    assert done.returncode == 0
    assert calls == [["curl", "engine", "wrk"], ["curl"], ["engine"], ["wrk"]]
    assert "engine : Conflicts: other" in done.stderr
    assert "going on without engine (starts containers)" in done.stderr


def test_where_apt_installs_nothing_its_own_words_are_printed(machine):
    done, _ = run_packages(machine, LISTED, **THREE, conflicting=THREE["offered"])
    assert done.returncode == 1
    assert "curl : Conflicts: other" in done.stderr
    assert "apt-get installed none of curl engine wrk" in done.stderr


def test_the_environment_has_the_command_of_the_package(machine):
    setup = (machine / "setup/python.sh").read_text()
    (machine / "setup/python.sh").write_text(setup.replace('main "$@"', ""))
    (machine / "v e/bin").mkdir(parents=True)
    venv, told = machine / "v e", machine / "told"
    command = f"source {machine}/setup/python.sh; venv='{venv}'; write_command"
    subprocess.run(["bash", "-c", command], check=True)
    (venv / "bin/python").write_text(STAND_INS["python"].format(told=told))
    (venv / "bin/python").chmod(0o755)
    subprocess.run([venv / "bin/featherbench", "doctor", "--json"], check=True)
    assert told.read_text() == "-P -m featherbench doctor --json\n"


def engines(machine, **answers):
    """Run engine.sh for engines that answer or not; give its status and what it said."""
    for name, answer in answers.items():
        engine = STAND_INS["engine"].format(name=name, answers="true" if answer else "false")
        (machine / f"setup/engines/{name}.sh").write_text(engine)
    done = ran(machine / "setup/engine.sh", *answers)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.testbed
def test_an_engine_that_cannot_run_is_named_and_the_others_are_still_looked_at(machine):
    status, said = engines(machine, good=True, bad=False, worse=False)
    assert status == 1
    assert "no-bad" in said
    assert "no-worse" in said
    assert "no-good" not in said


@pytest.mark.testbed
def test_engines_that_answer_are_left_alone(machine):
    assert engines(machine, one=True, other=True) == (0, "")


@pytest.mark.testbed
def test_an_unknown_engine_is_told_with_the_known_ones(machine):
    done = ran(machine / "setup/engine.sh", "podman")
    assert done.returncode == 1
    assert "docker, lxd and libvirt" in done.stderr


SERVE = """\
import socketserver, sys
from http.server import BaseHTTPRequestHandler as Handler
Handler.do_GET = lambda self: (self.send_response(200), self.end_headers())
Handler.address_string = lambda self: ""
socketserver.UnixStreamServer(sys.argv[1], Handler).serve_forever()
"""


@pytest.fixture
def live_and_dead(tmp_path):
    """Two folders with an engine's socket, of which one answers."""
    for name in ("live", "dead"):
        (tmp_path / name).mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead/unix.socket"))
    live = tmp_path / "live/unix.socket"
    server = subprocess.Popen([sys.executable, "-c", SERVE, live], stderr=subprocess.DEVNULL)
    wait_until(live.exists, what="the socket", within_s=20)
    yield tmp_path
    server.kill()
    server.wait()


def answers(engine, **variables):
    """Return whether an engine's file says that it answers, and at which socket."""
    sources = f"source {SETUP}/daemon.sh; source {SETUP}/engines/{engine}.sh"
    script = f'set -euo pipefail; {sources}; answers; echo "${{answering-}}"'
    env = os.environ | {name: str(value) for name, value in variables.items()}
    done = ran("bash", "-c", script, env=env)
    return done.returncode == 0, done.stdout.strip()


@pytest.mark.parametrize("names", [("dead", "live"), ("live", "dead")])
def test_an_engine_that_answers_is_found_beside_a_dead_one(live_and_dead, names):
    live = live_and_dead / "live/unix.socket"
    keys = ("LXD_DIR", "INCUS_DIR")
    ours = {key: live_and_dead / name for key, name in zip(keys, names, strict=True)}
    assert answers("lxd", **ours) == (True, str(live))
    assert answers("docker", DOCKER_HOST=f"unix://{live}") == (True, str(live))


def test_sudo_is_given_the_proxies(machine, monkeypatch):
    root = machine / "setup/root.sh"
    root.write_text(root.read_text().replace("$EUID", "7"))
    put(machine, "sudo", '#!/bin/sh\necho "$@"\n')
    put(machine, "id", "#!/bin/sh\necho 7\n")
    monkeypatch.setenv("https_proxy", "http://a proxy:3128")
    monkeypatch.setenv("NO_PROXY", "local")
    monkeypatch.delenv("http_proxy", raising=False)
    said = said_by("bash", "-c", f"source {root}; as_root apt-get update")
    assert said == "-- env https_proxy=http://a proxy:3128 NO_PROXY=local apt-get update\n"
    said = said_by("make", "--dry-run", "--file", SETUP.parent / "Makefile", "all")
    assert 'sudo env "PATH=$PATH"' in said
    assert '"https_proxy=$https_proxy"' in said
    assert "http_proxy=$http_proxy" not in said.replace("https_proxy", "")


@pytest.mark.parametrize(("output", "expected"), captured("messages/set_up"))
def test_a_failure_of_the_set_up_has_the_remedy_of_its_cause(output, expected):
    script = f'source {SETUP}/root.sh; advice "$1"'
    assert expected in said_by("bash", "-c", script, "bash", output)


def test_libvirt_is_found_by_either_daemon(machine):
    for live, expected in (("legacy", True), ("direct", True), ("none", False)):
        put(machine, "virsh", f'#!/bin/sh\ncase "$*" in *mode={live}*) ;; *) exit 1 ;; esac\n')
        assert answers("libvirt")[0] is expected
