# SPDX-License-Identifier: Apache-2.0
"""A platform for tests: real processes, a real image, no privilege, no daemon.

It is loaded as a user's own plugin is. An instance is one process that is found again by a mark
in its environment.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import platform
import re
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from featherbench.contracts import technology
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import LISTEN_ADDRESS
from featherbench.errors import ImageError, InstanceDiedError, InstanceError
from featherbench.files import digest, write_atomic
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.image import Image, ImageSize
from featherbench.records.instance import Endpoint, Instance
from featherbench.services import launcher
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning

SERVER = Path(__file__).parents[1] / "fake_server.py"
SERVICES = ("http", "kv", "startup")
MARK = "FEATHERBENCH_INSTANCE"
TECHNOLOGY_MARK = "FEATHERBENCH_TECHNOLOGY"
STATE_MARK = "FEATHERBENCH_INSTANCE_STATE"
NAME = "fake"
PROC = Path("/proc")
START_WITHIN_S = STOP_WITHIN_S = 5.0
RESET_PEAK = "5"


def _environment(pid: int) -> dict[str, str]:
    """Read a process's environment; empty when it is gone, a zombie, or not ours to look at."""
    with contextlib.suppress(OSError):
        entries = (PROC / str(pid) / "environ").read_text(errors="replace").split("\0")
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)
    return {}


def _instances() -> Iterator[tuple[int, dict[str, str]]]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            environment = _environment(int(entry.name))
            if environment.get(TECHNOLOGY_MARK) == NAME:
                yield int(entry.name), environment


def _kib(text: str, key: str) -> int:
    found = re.search(rf"^{key}:\s+(\d+) kB$", text, re.MULTILINE)
    assert found is not None, f"no {key} in {text}"
    return int(found[1])


def _limits(cpus: Sequence[int], nofile: int | None) -> None:
    os.sched_setaffinity(0, cpus)
    if nofile is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))


class Settings(DriverSettings):
    """`delay_ms` is how long every answer is held back, in milliseconds."""

    delay_ms: Annotated[float, Field(ge=0)] = 0


class Technology(technology.Technology[Settings]):
    """See `contracts/technology.py`."""

    Settings = Settings
    networks = ("host",)
    root_filesystems = ()
    subnet_share = None
    fixed_memory = False

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        return ()

    def build_image(self, request: BuildRequest) -> Image:
        if request.service not in SERVICES:
            raise ImageError(
                f"the fake platform has no app {request.service!r}", remedy=f"use {SERVICES}"
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
            built_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            build_log=f"copied {len(content)} files",
        )

    def prepare(self, request: StartRequest) -> None:
        pass

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
            env={
                MARK: request.instance_id,
                TECHNOLOGY_MARK: NAME,
                STATE_MARK: str(request.placement.state),
            },
        )
        instance = Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"pid": process.pid, "log": str(request.log)},
            endpoint=Endpoint(
                address=request.placement.address,
                port=request.port or 0,
                ping_address=request.placement.address,
            ),
            started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            start_phases_s={"spawn": time.monotonic() - began_s},
        )
        # Its environment is not to be seen yet in the first moment after the fork.
        wait_until(
            lambda: self.is_running(instance) or process.poll() is not None,
            what="the fake server's process",
            within_s=START_WITHIN_S,
        )
        if process.returncode is not None:
            raise InstanceError(f"the fake server did not start: {self.diagnosis(instance)}")
        return instance

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        return instance.start_phases_s

    def is_running(self, instance: Instance) -> bool:
        return _environment(instance.handle["pid"]).get(MARK) == instance.id

    def diagnosis(self, instance: Instance) -> str:
        running = "running" if self.is_running(instance) else "gone"
        with contextlib.suppress(OSError):
            said = Path(instance.handle["log"]).read_text(errors="replace")
            return f"it is {running}; it said: {said[-500:]}"
        return f"it is {running}"

    def stop(self, instance: Instance) -> None:
        self._end(instance.handle["pid"], instance.id)

    def _end(self, pid: int, instance_id: str) -> None:
        def is_gone() -> bool:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # it is our child when this process started it
            return _environment(pid).get(MARK) != instance_id

        if not is_gone():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(is_gone, what=f"end of instance {instance_id}", within_s=STOP_WITHIN_S)

    def usage(self, instance: Instance) -> Usage:
        process = PROC / str(instance.handle["pid"])
        if not self.is_running(instance):
            raise InstanceDiedError(f"the fake server died: {self.diagnosis(instance)}")
        stat = (process / "stat").read_text().rpartition(")")[2].split()
        status = (process / "status").read_text()
        resident_bytes = _kib(status, "VmRSS") * 1024
        return Usage(
            cpu_s=(int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"),
            throttled_s=None,
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
        limits = (PROC / str(instance.handle["pid"]) / "limits").read_text()
        found = re.search(r"^Max open files\s+(\S+)", limits, re.MULTILINE)
        assert found is not None, limits
        sysctls = {
            key: " ".join((PROC / "sys" / key.replace(".", "/")).read_text().split())
            for key in tuning.net_sysctls
        }
        return sysctls | ({} if tuning.nofile is None else {"nofile": found[1]})

    def leftovers(self) -> Sequence[Leftover]:
        return [
            Leftover(
                kind="process",
                name=environment[MARK],
                handle={"pid": pid},
                state=environment.get(STATE_MARK, ""),
            )
            for pid, environment in _instances()
        ]

    def remove(self, leftover: Leftover) -> None:
        self._end(leftover.handle["pid"], leftover.name)

    def facts(self) -> Mapping[str, str]:
        return {"python": platform.python_version()}
