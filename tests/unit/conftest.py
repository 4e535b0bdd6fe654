# SPDX-License-Identifier: Apache-2.0
"""A bench whose client and platform are scripted."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builders import ENDPOINT, NO_TUNING, TreeMachine, coordinates, instance, placement, write_tree
from featherbench import registry
from featherbench.contracts.bench import Bench
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology
from featherbench.records.cell import Usage
from featherbench.system.machine import LOCAL
from featherbench.system.subprocesses import Completed


@dataclass
class ScriptedClient:
    """Answers each command by calling `says` with it."""

    says: object = lambda _: ""
    address: str = "198.18.0.2"
    cpus: tuple[int, ...] = (0,)
    exit_status: int = 0
    duration_s: float = 2.0
    asked: list[list[str]] = field(default_factory=list)
    machine: object = LOCAL

    def command(self, argv):
        return list(argv)

    def converse(self, argv):
        return nullcontext(ScriptedSession(self, list(argv)))

    def run(self, argv, *, stdin=None, **_):
        """Run a command; one that reads lines is each line's words by themselves."""
        asked = [[*argv, *line.split()] for line in (stdin or "").splitlines()] or [list(argv)]
        self.asked += asked
        return Completed(
            argv=tuple(argv),
            exit_status=self.exit_status,
            stdout="".join(map(self.says, asked)),
            stderr="",
            duration_s=self.duration_s,
            cpu_s=1.0,
        )


@dataclass
class ScriptedSession:
    """A program that is kept open: the client answers for it."""

    client: ScriptedClient
    argv: list[str]

    def ask(self, line, **_):
        return self.client.run([*self.argv, line])


@dataclass
class ScriptedTechnology(Technology):
    """Runs while `running`, and uses a second of CPU time between two readings."""

    build_image = start = None

    running: bool = True
    cpu_s: float = 0.0
    started: list = field(default_factory=list)
    stopped: list = field(default_factory=list)
    prepared: int = 0
    fixed_memory: bool = False
    reported: dict = field(default_factory=dict)

    def is_running(self, _):
        return self.running

    def diagnosis(self, _):
        return "exited with 137"

    def usage(self, _):
        self.cpu_s += 1.0
        return Usage(
            cpu_s=self.cpu_s,
            throttled_s=0.0,
            memory_current_bytes=3 << 20,
            memory_working_set_bytes=2 << 20,
            memory_anonymous_bytes=1 << 20,
            memory_file_bytes=1 << 19,
            memory_peak_bytes=4 << 20,
            source="script",
        )

    def facts(self):
        return dict(self.reported)

    def prepare(self, _request):
        self.prepared += 1

    def stop(self, instance):
        self.stopped.append(instance.id)


INSTANCE = instance(technology="scripted", handle={}, endpoint=ENDPOINT)


@pytest.fixture
def machine(tmp_path):
    """A machine of which no steal, swap or shared core gets into a verdict."""
    quiet = {
        "proc/stat": "cpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\n",
        "proc/vmstat": "pswpin 0\npswpout 0\n",
        "proc/self/status": "Cpus_allowed_list:\t0-3\n",
        "sys/devices/system/cpu/online": "0-3\n",
    }
    return TreeMachine(root=write_tree(tmp_path / "machine", **quiet))


@pytest.fixture
def client(machine):
    return ScriptedClient(machine=machine)


@pytest.fixture
def technology():
    return ScriptedTechnology()


@pytest.fixture
def bench_for(client, technology, machine, tmp_path):
    """Make a bench for a workload, with settings, and an instance of its first app."""

    def make(name, *, load_generators=None, **settings):
        workload = registry.load("workloads", name)
        chosen = {"http": "wrk", "kv": "redis_benchmark"} | (load_generators or {})
        return Bench(
            coordinates=coordinates("scripted-native", name),
            technology=technology,
            technology_settings=DriverSettings(),
            settings=workload.Settings(**settings),
            load_generators={
                service: registry.load("loadgens", g) for service, g in chosen.items()
            },
            images=dict.fromkeys(workload.services),
            client=client,
            placement=placement(cpus=(1,), state=tmp_path, machine=machine),
            tuning=NO_TUNING,
            logs=Path(tmp_path),
            instance=INSTANCE.model_copy(update={"service": workload.services[0]}),
        )

    return make
