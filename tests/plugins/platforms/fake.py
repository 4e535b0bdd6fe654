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

from featherbench import services, shell
from featherbench.errors import ImageError, InstanceDiedError, InstanceError
from featherbench.files import digest, write_whole
from featherbench.platforms.contract import LISTEN_ADDRESS, Leftover
from featherbench.record import Endpoint, Image, ImageSize, Instance, Usage
from featherbench.settings import DriverSettings
from featherbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.platforms.contract import BuildOrder, Lack, StartOrder, Tuning

SERVER = Path(__file__).parents[1] / "fake_server.py"
APPS = ("http", "kv", "startup")
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


class Technology:
    """See `platforms/contract.py`."""

    Settings = Settings
    networks = ("host",)
    root_filesystems = ()
    subnet_share = None
    fixed_memory = False

    def lacks(self) -> Sequence[Lack]:
        return ()

    def build_image(self, order: BuildOrder) -> Image:
        if order.app not in APPS:
            raise ImageError(f"the fake platform has no app {order.app!r}", remedy=f"use {APPS}")
        content = {"server.py": SERVER.read_bytes()} | {
            f"files{path}": body for path, body in sorted(order.files.items())
        }
        for path, body in content.items():
            write_whole(order.into / path, body)
        packed = gzip.compress(b"".join(content.values()), mtime=0)
        return Image(
            technology=NAME,
            app=order.app,
            digest=digest(*(part for path in content for part in (path.encode(), content[path]))),
            reference={"folder": str(order.into.resolve())},
            size=ImageSize(
                allocated_bytes=sum((order.into / p).stat().st_blocks * 512 for p in content),
                apparent_bytes=sum(map(len, content.values())),
                compressed_bytes=len(packed),
                counted="the server's script and the files it serves",
            ),
            versions={"python": platform.python_version()},
            built_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            build_log=f"copied {len(content)} files",
        )

    def prepare(self, order: StartOrder) -> None:
        pass

    def _arguments(self, order: StartOrder, files: Path) -> list[str]:
        """Translate the command of a Debian root file system into one of our script."""
        program, *words = [
            order.place.address if word == LISTEN_ADDRESS else word for word in order.command
        ]
        if program == services.PROBE:
            return ["probe", *words]
        assert isinstance(order.settings, Settings)
        return [*words, str(files), str(order.settings.delay_ms)]

    def start(self, order: StartOrder) -> Instance:
        folder = Path(order.image.reference["folder"])
        server = folder / "server.py"
        if not server.exists():
            raise ImageError(f"the fake image {server} is gone", remedy="build it again")
        began_s = time.monotonic()
        order.log.parent.mkdir(parents=True, exist_ok=True)
        process = shell.start(
            [sys.executable, "-ISu", str(server), *self._arguments(order, folder / "files")],
            output=order.log,
            before_exec=partial(_limits, order.place.cpus, order.tuning.nofile),
            env={
                MARK: order.instance_id,
                TECHNOLOGY_MARK: NAME,
                STATE_MARK: str(order.place.state),
            },
        )
        instance = Instance(
            id=order.instance_id,
            technology=NAME,
            app=order.app,
            handle={"pid": process.pid, "log": str(order.log)},
            endpoint=Endpoint(
                address=order.place.address,
                port=order.port or 0,
                ping_address=order.place.address,
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
