# SPDX-License-Identifier: Apache-2.0
"""A testbed in a state folder of its own, with a stand-in for Snakemake."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import ran
from featherbench import registry
from featherbench.contracts.technology import BuildRequest
from featherbench.system.polling import wait_until
from featherbench.system.processes import PROC, is_alive, with_variable
from featherbench.testbed import network
from featherbench.testbed.reservation import current_owner
from featherbench.testbed.state import STATE_VARIABLE, State

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
PLUGINS = str(REPOSITORY / "tests" / "plugins")
OUR_LINKS = {network.SERVER_INTERFACE, network.CLIENT_INTERFACE}
SYSCTLS = ("net/core/somaxconn", "net/ipv4/tcp_keepalive_time")


def sysctls():
    return {key: (Path("/proc/sys") / key).read_text() for key in SYSCTLS}


@dataclass
class Sandbox:
    """A state folder and what runs with it."""

    folder: Path
    client: str
    state: State
    image: Path
    sysctls_before: dict
    wait_s: float = 60
    plugin_folder: str = PLUGINS

    @property
    def environment(self):
        return {
            **os.environ,
            STATE_VARIABLE: str(self.state.directory),
            "PYTHONPATH": str(REPOSITORY / "scripts"),
            registry.PLUGINS_VARIABLE: self.plugin_folder,
        }

    def workflow(self, jobs=3, *, load_s=0.2, **changes):
        """Start a workflow; it is waited for by `wait`."""
        given = {
            "client": self.client,
            "image": self.image,
            "plugin_folder": self.plugin_folder,
            "folder": self.folder,
            "load": f"exec sleep {load_s}",
            "wait_s": self.wait_s,
            "leased": "yes",
        } | changes
        return subprocess.Popen(
            [
                *(sys.executable, str(HERE / "standin_workflow.py"), str(jobs)),
                *(f"{key}={value}" for key, value in given.items()),
            ],
            env=self.environment,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *arguments):
        """Run featherbench's command line."""
        argv = [sys.executable, "-m", "featherbench", *arguments]
        return ran(*argv, env=self.environment, timeout=60)

    def lost_instance(self):
        """Start an instance of the fake technology that no record names."""
        marks = {"FEATHERBENCH_FAKE_INSTANCE": f"lost {self.state.directory}"}
        return subprocess.Popen(["sleep", "600"], env=self.environment | marks)

    @property
    def journal(self):
        file = self.folder / "journal"
        return file.read_text().splitlines() if file.exists() else []

    def processes(self):
        """Give the pids of all that was started with this state folder, and what they are."""
        found = {}
        for directory, process in with_variable(STATE_VARIABLE):
            with suppress(OSError):
                if directory == str(self.state.directory):
                    found[process.pid] = (PROC / str(process.pid) / "cmdline").read_bytes()
        return found

    def leftovers(self):
        """Say what is left of this testbed on the machine: nothing, if all is well."""
        found = [f"process {pid}: {what}" for pid, what in self.processes().items()]
        if self.state.directory.exists():
            found += [str(file) for file in self.state.directory.iterdir()]
        if self.client == "netns":
            found += network_leftovers()
            found += [
                f"sysctl {key} is {value!r}, was {self.sysctls_before[key]!r}"
                for key, value in sysctls().items()
                if value != self.sysctls_before[key]
            ]
        return found

    def wait_for_guard(self):
        """Wait until the guard, if there is one, has cleaned up and gone."""
        owner = current_owner(self.state)
        if owner is not None:
            wait_until(lambda: not is_alive(owner.guard), what="the guard", within_s=30)


def run_ip(*arguments):
    return ran("ip", *arguments)


def network_leftovers():
    links = json.loads(run_ip("-json", "link", "show").stdout)
    found = [link["ifname"] for link in links if link.get("ifname") in OUR_LINKS]
    found += [network.NAMESPACE] if network.NAMESPACE_FILE.exists() else []
    return found + run_ip("route", "show", "proto", str(network.ROUTE_PROTOCOL)).stdout.splitlines()


def fake_image(folder):
    technology = registry.load("technologies", "fake", [PLUGINS])
    folders = {"into": folder / "image", "state": folder / "state"}
    request = BuildRequest(service="http", root_filesystems={}, files={}, **folders)
    technology.build_image(request).write(folder / "image.json")
    return folder / "image.json"


@pytest.fixture(scope="session")
def first_sysctls():
    """Read what the sysctls are before any of these tests has touched them."""
    return sysctls()


def _sandbox(folder, client, sysctls_before):
    folder.mkdir()
    state = State(directory=folder / "state")
    return Sandbox(
        folder=folder,
        client=client,
        state=state,
        image=fake_image(folder),
        sysctls_before=sysctls_before,
    )


def _end_everything(sandbox):
    for pid in sandbox.processes():
        os.kill(pid, 9)
    if sandbox.leftovers():  # else to look for them takes a second
        sandbox.command("clean", "--plugins", PLUGINS)


@pytest.fixture
def loopback(tmp_path, first_sysctls):
    sandbox = _sandbox(tmp_path / "loopback", "loopback", first_sysctls)
    yield sandbox
    _end_everything(sandbox)


@pytest.fixture
def wired(tmp_path, first_sysctls):
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if network_leftovers():
        pytest.skip(f"the testbed of this machine is in use: {network_leftovers()}")
    sandbox = _sandbox(tmp_path / "netns", "netns", first_sysctls)
    yield sandbox
    _end_everything(sandbox)


@pytest.fixture
def ip():
    """Give a function that runs iproute2's `ip`, whatever its exit status."""
    return run_ip
