# SPDX-License-Identifier: Apache-2.0
"""Builds what many tests need: each takes what differs, and has a default for everything else."""

import os
import shutil
import struct
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from featherbench import registry
from featherbench.contracts.bench import Bench, Client
from featherbench.contracts.load_generator import Load
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BuildRequest, Placement, Probe, StartRequest
from featherbench.inspection.doctor_report import DoctorReport, DriverAvailability
from featherbench.loadgens import wrk
from featherbench.records.cell import Cell, Coordinates, Window
from featherbench.records.instance import Endpoint, Image, ImageSize, Instance
from featherbench.records.load_point import LoadPoint, OfferedLoad
from featherbench.records.machine import CheckResult, Judgement
from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload
from featherbench.records.requirement import MissingRequirement
from featherbench.records.stopping_decisions import (
    InterimLook,
    LevelDecision,
    Reason,
    SeriesPrecision,
)
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.services.readiness import wait_until_ready
from featherbench.system.machine import READ_ERRORS, LocalMachine
from featherbench.system.polling import wait_until

DATA = Path(__file__).parent / "data"
WRK_OK = DATA / "loadgens/wrk_ok.txt"


def captured(name):
    """Return what a file of YAML in the folder of data holds."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text())


def ran(*argv, check=False, **options):
    """Run a program to its end; what it printed is captured as text."""
    return subprocess.run(argv, capture_output=True, text=True, check=check, **options)


ELF_HEAD = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, 62)
"""How an executable for this machine begins."""


def stand_in(program, folder, monkeypatch, *names):
    """Have copies of a program stand in for those of these names; they are put into `folder`."""
    folder.mkdir()
    for name in names:
        shutil.copy(program, folder / name)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


NO_TUNING = Tuning(net_sysctls={}, nofile=None)


def placement(**changes):
    fields = {
        "hypervisor": "native",
        "address": "198.18.0.1",
        "callback_address": "198.18.0.1",
        "cpus": (2, 3),
        "container_subnet": "198.18.1.0/24",
        "state": Path("/run/state"),
    }
    return Placement(**fields | changes)


def placement_on(wire, folder, **changes):
    """A placement on the test network; its testbed's state is in `folder`."""
    fields = {
        "address": wire.address,
        "callback_address": wire.address,
        "cpus": (max(os.sched_getaffinity(0)),),
        "container_subnet": wire.container_subnet,
        "guest_subnet": wire.guest_subnet,
        "state": folder / "state",
    }
    return placement(**fields | changes)


def planned_platform(name="fake-native", **changes):
    place, _, network = name.partition("+")
    technology, _, hypervisor = place.partition("-")
    fields = {
        "name": name,
        "technology": technology,
        "hypervisor": hypervisor,
        "network": network or "nat",
        "image_owner": technology,
        "virtualized": False,
        "missing_requirements": (),
    }
    return PlannedPlatform(**fields | changes)


def load_point(point):
    """A load point by its name, or by its number of connections."""
    return LoadPoint(f"c{point}" if isinstance(point, int | np.integer) else point)


def offered(connections=1):
    """What a workload measures in a closed loop over so many connections."""
    return OfferedLoad(load_point=load_point(connections), connections=connections)


def planned_workload(name="http", *, levels=(1,), **changes):
    fields = {"deployments": 3, "windows": 1, "settings": {}}
    points = tuple(map(load_point, levels))
    return PlannedWorkload(name=name, load_points=points, **fields | changes)


def plan(*workloads, platforms=("a-native",), **changes):
    """A plan of workloads, on platforms that are given by their names or as they are."""
    planned = [planned_platform(p) if isinstance(p, str) else p for p in platforms]
    fields = {"config_file": "c.yaml", "config": {}, "baseline": planned[0].name, "seed": 1}
    return Plan(**fields | changes, platforms=tuple(planned), workloads=workloads)


def interim_look(deployment, rule, *, platform="a-native", spent_s=1, **levels):
    """A look at http; levels are such as c1=(8, reason), with deployments, and maybe half width."""
    return InterimLook(
        platform=platform,
        workload="http",
        deployment=deployment,
        rule=rule,
        spent_s=spent_s,
        longest_s=1,
        levels=tuple(
            LevelDecision(
                load_point=name,
                deployments=number,
                spent_s=spent_s,
                series=tuple(_precision(number, half, reason) for half in half_widths),
                reason=reason,
            )
            for name, (number, reason, *half_widths) in levels.items()
        ),
    )


def _precision(deployments, half_width, reason):
    return SeriesPrecision(
        metric="http_throughput",
        deployments=deployments,
        windows=3 * deployments,
        half_width=half_width,
        narrow=reason is Reason.NARROW,
    )


def window(metric, value, **changes):
    fields = {"index": 1, "unit": "requests/s", "started_utc": "2024-01-01T00:00:00.000+00:00"}
    fields |= {"started_monotonic_s": 100.0, "duration_s": 2.0}
    return Window(metric=metric, value=value, **fields | changes)


def coordinates(platform, workload, deployment=1, point=1):
    """Those of a cell of a planned platform, or of one with that name."""
    planned = planned_platform(platform) if isinstance(platform, str) else platform
    return Coordinates(
        platform=planned.name,
        technology=planned.technology,
        hypervisor=planned.hypervisor,
        network=planned.network,
        workload=workload,
        deployment=deployment,
        load_point=load_point(point),
    )


def cell(platform, workload, deployment, point, windows, **changes):
    """A cell of a planned platform, or of one with that name."""
    fields = {
        "spec": {},
        "instance": None,
        "redeployed": False,
        "image_digest": "sha256:0",
        "verified": "yes",
        "tuning": {},
        "sequence": 7,
        "overhead_s": {},
        "client": {},
        "started_utc": "2024-01-01T00:00:00Z",
        "finished_utc": "2024-01-01T00:00:09Z",
        "duration_s": 9.0,
        "machine_fingerprint": "abc",
    }
    where = coordinates(platform, workload, deployment, point)
    return Cell(coordinates=where, windows=tuple(windows), **fields | changes)


def image(**changes):
    fields = {
        "technology": "fake",
        "service": "http",
        "digest": "d" * 64,
        "reference": {},
        "size": ImageSize(allocated_bytes=1, apparent_bytes=1, compressed_bytes=1, counted="all"),
        "versions": {},
        "built_utc": "2024-01-01T00:00:00Z",
        "build_log": "",
    }
    return Image(**fields | changes)


def instance(**changes):
    fields = {
        "id": "abc",
        "technology": "fake",
        "service": "http",
        "handle": {"console": "/logs/abc.log"},
        "endpoint": Endpoint(address="198.18.2.2", port=18080, ping_address="198.18.2.2"),
        "started_utc": "2024-01-01T00:00:00Z",
    }
    return Instance(**fields | changes)


def start_request(service="http", *, folder=Path("/logs"), probe=None, **changes):
    """Return the request of a service or of the startup probe; its log is in `folder`."""
    instance_id = changes.get("instance_id", f"test{uuid.uuid4().hex[:8]}")
    fields = {
        "instance_id": instance_id,
        "service": service,
        "network": "bridge",
        "settings": DriverSettings(),
        "tuning": NO_TUNING,
        "log": folder / f"{instance_id}.log",
    }
    if service in launcher.PORTS:
        fields |= {"command": launcher.serve_command(service), "port": launcher.PORTS[service]}
    else:
        address = changes["placement"].callback_address
        probe = probe or Probe(address=address, port=launcher.DISCARD_PORT, nonce="n")
        fields |= {"command": launcher.probe_command(probe), "port": None, "probe": probe}
    if "placement" not in changes:
        fields["placement"] = placement()
    if "image" not in changes:
        fields["image"] = image(service=service)
    return StartRequest(**fields | changes)


def build_image(technology, service, folder, built_root, files=None):
    """Build an image of a service in a new folder; its files are its workload's by default."""
    workload = registry.load("workloads", service)
    folder.mkdir(parents=True, exist_ok=True)
    return technology.build_image(
        BuildRequest(
            service=service,
            into=folder,
            root_filesystems=built_root.root_filesystems_of(technology),
            files=workload.files(workload.Settings()) if files is None else files,
            state=folder / "state",
        )
    )


@dataclass(kw_only=True)
class Subject:
    """A technology under test, with its images and a placement for its instances."""

    technology: object
    images: dict
    placement: Placement
    folder: Path
    tuning: Tuning

    def request(self, service="http", **changes):
        fields = {"image": self.images.get(service), "network": self.technology.networks[0]}
        return start_request(
            service,
            folder=self.folder,
            placement=self.placement,
            **{"tuning": self.tuning, **fields, **changes},
        )

    def start(self, *arguments, **changes):
        request = self.request(*arguments, **changes)
        self.technology.prepare(request)
        return self.technology.start(request)

    def leftovers(self):
        """Return those of this placement."""
        state = str(self.placement.state)
        return [leftover for leftover in self.technology.leftovers() if leftover.state == state]

    def clean(self):
        for leftover in self.leftovers():
            self.technology.remove(leftover)


def bench_with(platform, instance, *, tuning, logs):
    """Return a bench with an instance of a platform under test, at the client's end of its wire."""
    planned = planned_platform(
        f"{platform.technology.__module__}-native",
        technology="any",
        hypervisor="native",
        network=platform.technology.networks[0],
    )
    return Bench(
        coordinates=coordinates(planned, instance.service),
        technology=platform.technology,
        technology_settings=platform.technology.Settings(),
        settings=registry.load("workloads", instance.service).Settings(),
        load_generators={},
        images=platform.images,
        client=Client(
            address=platform.wire.client_address,
            cpus=(min(os.sched_getaffinity(0)),),
            namespace=Path("/run/netns") / platform.wire.namespace,
            nofile=4096,
        ),
        placement=platform.placement,
        tuning=tuning,
        logs=logs,
        instance=instance,
    )


def bench_of(platform, service, *, tuning, logs):
    """Start a server of a platform under test; return the bench with it, once it answers."""
    instance = platform.start(service, tuning=tuning)
    bench = bench_with(platform, instance, tuning=tuning, logs=logs)
    wait_until_ready(bench)
    return bench


def fetch(wire, instance, *, within_s=2):
    """Fetch the payload from the client's end; empty while nothing answers."""
    where = f"http://{instance.endpoint.address}:{instance.endpoint.port}/payload"
    return wire.client("sh", "-c", f"curl --silent --max-time {within_s} {where} || true")


@dataclass(kw_only=True)
class UnikernelSubject:
    """A unikernel under test: its images of `startup`, of descriptions that differ from its own."""

    technology: object
    placement: Placement
    folder: Path

    def settings(self, **changes):
        if "kernel" in changes:
            changes = {"make": None, **changes, "kernel": str(changes["kernel"])}
        return self.technology.Settings.model_validate({"images": {"startup": changes}})

    def image(self, **changes):
        into = self.folder / uuid.uuid4().hex
        into.mkdir()
        request = BuildRequest(
            service="startup",
            into=into,
            root_filesystems={},
            files={},
            state=self.placement.state,
            build_inputs=self.technology.build_inputs("startup", self.settings(**changes)),
        )
        return self.technology.build_image(request)

    def request(self, image, *, port=9, nonce="n", memory_mib=None):
        return start_request(
            "startup",
            image=image,
            settings=self.settings(),
            placement=self.placement,
            folder=self.folder,
            probe=Probe(address=self.placement.callback_address, port=port, nonce=nonce),
            memory_mib=memory_mib,
        )

    def start(self, image, **given):
        request = self.request(image, **given)
        self.technology.prepare(request)
        return self.technology.start(request)

    def leftovers(self, driver=None):
        """Return those of this placement."""
        found = (driver or self.technology).leftovers()
        return [leftover for leftover in found if leftover.state == str(self.placement.state)]

    def await_diagnosis(self, instance, words, *, within_s):
        """Wait until the user would be told that; give all that is said."""

        def diagnosis():
            said = self.technology.diagnosis(instance)
            return said if words in said else ""

        what = f"{words!r} in: {self.technology.diagnosis(instance)}"
        return wait_until(diagnosis, what=what, within_s=within_s)

    def end_of(self, instance, *, within_s):
        """Wait until it does not run, and give what the user is told."""
        what = f"its end ({self.technology.diagnosis(instance)})"
        wait_until(lambda: not self.technology.is_running(instance), what=what, within_s=within_s)
        return self.technology.diagnosis(instance)


def metrics(*workloads):
    """Return the metrics that workloads declare, with their default settings."""
    drivers = [registry.load("workloads", name, ()) for name in workloads]
    return tuple(metric for driver in drivers for metric in driver.metrics(driver.Settings()))


METRICS = metrics("http", "kv", "startup", "image_size", "latency", "memory")


@dataclass(frozen=True, kw_only=True)
class TreeMachine(LocalMachine):
    """This machine, but for the files that are read: they come from a captured tree."""

    root: Path

    def read(self, paths):
        texts = {}
        for path in paths:
            try:
                texts[path] = (self.root / path.relative_to("/")).read_text()
            except READ_ERRORS:
                continue
        return texts


def write_tree(root, **files):
    """Write files, by their path below `root`."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def doctor_report(*, missing_requirements=(), judgement=Judgement.OK):
    return DoctorReport(
        baseline="linux-native",
        platforms=(
            DriverAvailability(name="linux-native", missing_requirements=missing_requirements),
            DriverAvailability(
                name="osv-kvm",
                missing_requirements=(MissingRequirement(what="w " * 90, remedy="r"),),
            ),
        ),
        load_generators=(),
        machine=(CheckResult(name="root", judgement=judgement, value="v" * 8, advice="do " * 60),),
    )


ENDPOINT = Endpoint(address="198.18.0.1", port=18080, ping_address="198.18.0.1")


def load(**changes):
    fields = {"endpoint": ENDPOINT, "connections": 10, "threads": 1, "operation": "GET"}
    return Load(**fields | changes)


@dataclass(frozen=True)
class CannedLoadGenerator(wrk.LoadGenerator):
    """wrk, but its command is another one."""

    argv: tuple[str, ...]

    def command(self, _load):
        return list(self.argv)


def canned_load_generator(*argv):
    """Return wrk with another command; by default one that prints the output of a run of 2 s."""
    return CannedLoadGenerator(argv or ("cat", str(WRK_OK)))


REDIS = {
    "PING": "PONG\n",
    "SET": "OK\n",
    "DEL": "1\n",
    "INFO server": "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n",
    "INFO stats": "# Stats\r\nkeyspace_hits:9\r\nkeyspace_misses:3\r\n",
    "CONFIG GET save": "save\n\n",
    "CONFIG GET appendonly": "appendonly\nno\n",
}


def redis_answers(**changes):
    """Return what answers as redis-cli would; GET returns what was SET last."""
    memory = {}

    def answer(argv):
        words = argv[argv.index("-p") + 2 :]
        if words[0] == "SET":
            memory[words[1]] = words[2]
        if words[0] == "GET":
            return changes.get("GET", memory.get(words[1], "") + "\n")
        replies = {**REDIS, **{key.replace("_", " "): value for key, value in changes.items()}}
        return replies.get(" ".join(words), replies.get(words[0], ""))

    return answer
