# SPDX-License-Identifier: Apache-2.0
"""A technology for tests: real processes, a real image, no privilege, no daemon.

It is loaded as a user's own plugin is. An instance is one process, which a mark in its environment
identifies.
"""

from __future__ import annotations

import gzip
import os
import platform
import re
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from featherbench.clock import now_utc
from featherbench.contracts import technology
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import LISTEN_ADDRESS, BuildRequest, StartRequest
from featherbench.errors import ImageError, InstanceDiedError, InstanceError
from featherbench.files import digest, write_atomic
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Endpoint, Image, ImageSize, Instance
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.system import processes, subprocesses, sysctls
from featherbench.system.polling import wait_until
from featherbench.system.processes import Process

SERVER = Path(__file__).parents[1] / "fake_server.py"
SERVICES = ("http", "kv", "startup")
MARK = "FEATHERBENCH_FAKE_INSTANCE"
NAME = "fake"
PROC = Path("/proc")
RESET_PEAK = "5"


def _kib(text: str, key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
    assert found is not None, f"no {key} in {text}"
    return int(found[1])


def _limits(cpus: Sequence[int], nofile: int | None) -> None:
    os.sched_setaffinity(0, cpus)
    if nofile is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))


def _process_of(handle: Mapping[str, Any]) -> Process:
    return Process(pid=handle["pid"], started_ticks=handle["started_ticks"])


def _end(process: Process) -> None:
    processes.send(process, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(process), what="end of the fake server", within_s=5.0)


class Settings(DriverSettings):
    """`delay_ms` is how long every answer is delayed, in milliseconds.

    Without a delay each window would take a processor from the other tests.
    """

    delay_ms: Annotated[float, Field(ge=0)] = 2


class Technology(technology.Technology[Settings]):
    Settings = Settings

    def build_image(self, request: BuildRequest) -> Image:
        if request.service not in SERVICES:
            raise ImageError(
                f"the fake technology has no service {request.service!r}", remedy=f"use {SERVICES}"
            )
        content = {"server.py": SERVER.read_bytes()} | {
            f"files{path}": body for path, body in sorted(request.files.items())
        }
        for path, body in content.items():
            write_atomic(request.into / path, body)
        packed = gzip.compress(b"".join(content.values()), mtime=0)
        return Image(
            technology=NAME,
            service=request.service,
            digest=digest(*(part for path in content for part in (path.encode(), content[path]))),
            reference={"folder": str(request.into.resolve())},
            size=ImageSize(
                allocated_bytes=sum((request.into / p).stat().st_blocks * 512 for p in content),
                apparent_bytes=sum(map(len, content.values())),
                compressed_bytes=len(packed),
                counted="the server's script and the files it serves",
            ),
            versions={"python": platform.python_version()},
            built_utc=now_utc(),
            build_log=f"copied {len(content)} files",
        )

    def _arguments(self, request: StartRequest, files: Path) -> list[str]:
        """Translate the command of a Debian root file system into one of our script."""
        program, *words = [
            request.placement.address if word == LISTEN_ADDRESS else word
            for word in request.command
        ]
        if program == launcher.PROBE:
            return ["probe", *words]
        assert isinstance(request.settings, Settings)
        return [*words, str(files), str(request.settings.delay_ms)]

    def start(self, request: StartRequest) -> Instance:
        folder = Path(request.image.reference["folder"])
        server = folder / "server.py"
        if not server.exists():
            raise ImageError(f"the fake image {server} is gone", remedy="build it again")
        began_s = time.monotonic()
        request.log.parent.mkdir(parents=True, exist_ok=True)
        process = subprocesses.start(
            [sys.executable, "-ISu", str(server), *self._arguments(request, folder / "files")],
            output=request.log,
            before_exec=partial(_limits, request.placement.cpus, request.tuning.nofile),
            env={MARK: f"{request.instance_id} {request.placement.state}"},
        )
        environment = PROC / str(process.pid) / "environ"  # empty for a moment after the fork
        wait_until(
            lambda: MARK in environment.read_text() or process.poll() is not None,
            what="start of the fake server",
            within_s=5.0,
        )
        identity = processes.identity_of(process.pid)
        if identity is None:
            raise InstanceError(f"the fake server did not start: {request.log.read_text()}")
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={**identity.model_dump(), "log": str(request.log)},
            endpoint=Endpoint(
                address=request.placement.address,
                port=request.port or 0,
                ping_address=request.placement.address,
            ),
            started_utc=now_utc(),
            start_phases_s={"spawn": time.monotonic() - began_s},
        )

    def is_running(self, instance: Instance) -> bool:
        return processes.is_alive(_process_of(instance.handle))

    def diagnosis(self, instance: Instance) -> str:
        running = "running" if self.is_running(instance) else "gone"
        log = Path(instance.handle["log"])
        output = log.read_text(errors="replace") if log.exists() else ""
        return f"it is {running}; its output: {output[-500:]}"

    def stop(self, instance: Instance) -> None:
        _end(_process_of(instance.handle))

    def usage(self, instance: Instance) -> Usage:
        process = PROC / str(instance.handle["pid"])
        if not self.is_running(instance):
            raise InstanceDiedError(f"the fake server died: {self.diagnosis(instance)}")
        stat = (process / "stat").read_text().rpartition(")")[2].split()
        status = (process / "status").read_text()
        resident_bytes = _kib(status, "VmRSS") * 1024
        return Usage(
            cpu_s=(int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"),
            memory_current_bytes=resident_bytes,
            memory_working_set_bytes=resident_bytes,
            memory_anonymous_bytes=_kib(status, "RssAnon") * 1024,
            memory_peak_bytes=_kib(status, "VmHWM") * 1024,
            source="/proc/PID/stat and status",
        )

    def reset_peak(self, instance: Instance) -> bool:
        (PROC / str(instance.handle["pid"]) / "clear_refs").write_text(RESET_PEAK)
        return True

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        return sysctls.of_process(instance.handle["pid"], tuning)

    def leftovers(self) -> Sequence[Leftover]:
        marked = (
            (value.split(" ", 1), process) for value, process in processes.with_variable(MARK)
        )
        return [
            Leftover(kind="process", name=instance_id, handle=process.model_dump(), state=state)
            for (instance_id, state), process in marked
        ]

    def remove(self, leftover: Leftover) -> None:
        _end(_process_of(leftover.handle))

    def facts(self) -> Mapping[str, str]:
        return {"python": platform.python_version()}
