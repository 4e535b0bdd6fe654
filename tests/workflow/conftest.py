# SPDX-License-Identifier: Apache-2.0
"""A small workflow on the fake platform, in a folder of its own, run by the real Snakemake.

The server is a real process on loopback, the load generator is the real one; only the platform
is made of Python. Each project has a state folder of its own, so that it meets no other testbed.
"""

import csv
import itertools
import os
import shutil
import signal
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from builders import ran
from featherbench.contracts.technology import BASE as BASE_ROOT
from featherbench.rootfs import descriptions
from featherbench.system import cgroup
from featherbench.system.polling import wait_until
from featherbench.testbed.state import SYSTEM_DIRECTORY

RUN_TIMEOUT_S = 540
MAKES_A_REPORT = "making a report of what was measured; Ctrl-C leaves it out"
BASE = {
    "plugins": ["plugins"],
    "baseline": "fake-native",
    "platforms": ["fake-native"],
    "workloads": {
        "http": {
            "concurrency": [1, 2],
            "repetitions": {"deployments": 2, "windows": 1},
            "settings": {"window_s": 0.2, "warm_up_s": 0.1},
        }
    },
    "testbed": {"client": "loopback"},
    "tuning": {"net_sysctls": {}, "nofile": None},
}


@dataclass
class Project:
    """A folder with a configuration, in which Snakemake is run."""

    folder: Path
    repository: Path
    config: dict = field(default_factory=dict)
    state: Path | None = None
    began_at: int = 0
    """Where the output of the run begins that was started last."""

    def __post_init__(self):
        self.state = self.state or self.folder / "state"

    @property
    def environment(self):
        return {**os.environ, "FEATHERBENCH_STATE": str(self.state)}

    def traces(self):
        """Return what a run without engines has left on this machine."""
        return as_lines(traces_of(self.state))

    def state_has_owner(self):
        return (self.state / "owner.json").exists()

    def processes(self):
        """Return the commands of all jobs, servers and load generators, by process id."""
        mark = f"FEATHERBENCH_STATE={self.state}".encode()
        commands = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    commands[int(entry.name)] = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
        return commands

    def copy(self, folder, state=None):
        """Copy it as it is, so that a test may change it."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return replace(self, folder=folder, config=deepcopy(self.config), state=state)

    def write_config(self):
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def command(self, *arguments):
        return [
            *(sys.executable, "-m", "snakemake", "--directory", str(self.folder)),
            *("--snakefile", str(self.repository / "Snakefile")),
            # Last is an option that takes one value: it ends the list of configuration files.
            *("--configfile", str(self.folder / "config.yaml"), "--cores", "1"),
            *arguments,
        ]

    def snakemake(self, *arguments, expect=0, within_s=RUN_TIMEOUT_S):
        done = ran(*self.command(*arguments), timeout=within_s, env=self.environment)
        output = done.stdout + done.stderr
        if expect is not None:
            assert done.returncode == expect, output
        return output

    @staticmethod
    def cell_files(names):
        """Return the files to ask Snakemake for, of cells by their names."""
        return [f"results/cells/{name}.json" for name in names]

    @staticmethod
    def cells_among(files):
        """Return the names of the cells among files."""
        cells = {file for file in files if file.startswith("results/cells/")}
        return {file.removeprefix("results/cells/").removesuffix(".json") for file in cells}

    def measure(self, *names, arguments=()):
        """Measure cells, and make nothing of them."""
        return self.snakemake(*self.cell_files(names), *arguments)

    def start(self, *arguments):
        """Start Snakemake in a session of its own, and do not wait for it."""
        log = (self.folder / "snakemake.out").open("ab")
        self.began_at = log.tell()
        return subprocess.Popen(
            self.command(*arguments),
            stdout=log,
            stderr=log,
            env=self.environment,
            start_new_session=True,
        )

    @staticmethod
    def end(run, which):
        """Send SIGINT to all of a run, as a terminal does, or another signal to Snakemake alone."""
        (os.killpg if which == signal.SIGINT else os.kill)(run.pid, which)

    def said(self):
        """Return what the run said that was started last."""
        return (self.folder / "snakemake.out").read_bytes()[self.began_at :].decode()

    def end_without_report(self, run, within_s=240):
        """Wait for a run that fails, and leave out its report, as it says that Ctrl-C does."""
        wait_until(
            lambda: run.poll() is not None or MAKES_A_REPORT in self.said(),
            what="its end",
            within_s=within_s,
        )
        if run.poll() is None:
            os.kill(run.pid, signal.SIGINT)
        return run.wait(60)

    def pending(self, *arguments):
        """Return the files that Snakemake would make again."""
        self.write_config()
        table = self.snakemake("--summary", "--quiet", "all", *arguments)
        lines = [line for line in table.splitlines() if "\t" in line]
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["output_file"] for row in rows if row["plan"] != "no update"}

    def pending_cells(self):
        return self.cells_among(self.pending())

    def cells(self):
        root = self.folder / "results/cells"
        return {str(p.relative_to(root).with_suffix("")): p for p in root.rglob("*.json")}

    def content(self):
        return {name: path.read_bytes() for name, path in self.cells().items()}


@pytest.fixture(scope="session")
def repository(repository, tmp_path_factory):
    """A copy of the checkout: edits made while the tests run are not mistaken for changes."""
    copy = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copy(repository / "Snakefile", copy)
    for name in ("workflow", "scripts", "profiles", "config", "resources", "tests/plugins"):
        shutil.copytree(repository / name, copy / name, ignore=ignored)
    return copy


@pytest.fixture(scope="session")
def project_with(repository):
    """Return a function that makes a project with a configuration; nothing has run yet."""

    def make(config, *, folder, state=None):
        plugins = repository / "tests/plugins"
        shutil.copytree(plugins, folder / "plugins", dirs_exist_ok=True)
        parts = {"folder": folder, "repository": repository, "state": state}
        project = Project(config=deepcopy(config), **parts)
        project.write_config()
        return project

    return make


@pytest.fixture(scope="session")
def lay_root_filesystems(built_root):
    """Give a function that lays root file systems into a project: making them takes minutes.

    Snakemake takes what is there, and has no record of, for up to date, if what it is made of is
    not newer.
    """

    def lay(project, names=()):
        results = project.folder / "results"
        derived = itertools.chain(*map(descriptions.chain, names))
        for name in dict.fromkeys([BASE_ROOT, *derived]):
            root = built_root.root(name)
            stem = results / ("images/root" if name == BASE_ROOT else f"root_filesystems/{name}")
            stem.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root.tar, f"{stem}.tar")
            shutil.copy(root.tar.with_suffix(".json"), f"{stem}.json")
            Path(f"{stem}.digest").write_text(root.digest + "\n")

    return lay


@pytest.fixture(scope="session")
def small():
    """A configuration on the fake platform that is measured in seconds."""
    return BASE


@pytest.fixture
def project(tmp_path, project_with):
    """A small project on the fake platform."""
    return project_with(BASE, folder=tmp_path / "project")


@pytest.fixture(scope="module")
def finished_template(tmp_path_factory, project_with):
    project = project_with(BASE, folder=tmp_path_factory.mktemp("finished") / "project")
    project.snakemake("all")
    return project


@pytest.fixture
def finished(finished_template, tmp_path):
    """A project whose run is complete; a copy, so that each test may change it."""
    return finished_template.copy(tmp_path / "project")


def printed(*argv):
    return ran(*argv, timeout=60, check=True).stdout


def lines_with_our_name(*argv):
    return "\n".join(line for line in printed(*argv).splitlines() if "featherbench" in line)


OF_TESTS = ("fb-test", "fb-xen")
"""Prefixes of the tests' own network interfaces."""


def may_be_of(state, group):
    """Whether a control group is not that of another testbed: other tests have theirs."""
    try:
        return os.getxattr(group, cgroup.OWNER_ATTRIBUTE).decode() == str(state)
    except OSError:
        return group.exists()


def is_in_our_network(pid):
    """Whether a process is in our network namespace; other processes of the tests have theirs."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
    except OSError:
        return False


def traces_of(state):
    """Return what bears our label in this network now, by kind; and groups and files of a state."""
    return {
        "link": "\n".join(
            p.name for p in Path("/sys/class/net").glob("fb-*") if not p.name.startswith(OF_TESTS)
        ),
        "route": printed("ip", "route", "show", "proto", "198"),
        "firewall": lines_with_our_name("iptables", "-S"),
        "state": str(state) if state.exists() else "",
        "namespace": "fb-client" if Path("/run/netns/fb-client").exists() else "",
        "group": "\n".join(
            str(group)
            for folder, names, _ in os.walk("/sys/fs/cgroup")  # unlike glob, while groups vanish
            for group in (Path(folder, name) for name in names if name.startswith("featherbench"))
            if may_be_of(state, group)
        ),
        "virtual machine": "\n".join(
            line
            for line in lines_with_our_name("ps", "-eo", "pid,args").splitlines()
            if "qemu" in line and "featherbench-tests" not in line
            if is_in_our_network(line.split()[0])
        ),
    }


SYSCTLS = ("core/somaxconn", "ipv4/tcp_keepalive_time", "ipv4/ip_local_port_range")


def as_lines(listings):
    return {f"{kind} {line}" for kind, lines in listings.items() for line in lines.splitlines()}


def traces_now():
    """Return what a run may leave on this machine: what bears our label, and settings."""
    listings = traces_of(SYSTEM_DIRECTORY) | {
        "sysctl": "".join(f"{name} {Path('/proc/sys/net', name).read_text()}" for name in SYSCTLS),
        "container": printed("docker", "ps", "-aq", "--filter", "label=featherbench"),
        "network": printed("docker", "network", "ls", "-q", "--filter", "label=featherbench"),
    }
    if shutil.which("lxc"):
        for kind in ("instance", "network", "storage", "profile"):
            listing = ["lxc", *([] if kind == "instance" else [kind]), "list", "--format", "csv"]
            listings[f"LXD {kind}"] = lines_with_our_name(*listing)
    return as_lines(listings)


@pytest.fixture(scope="session")
def traces():
    """Return what is on this machine now and was not when the tests began."""
    before = traces_now()
    return lambda: traces_now() - before
