# SPDX-License-Identifier: Apache-2.0
"""A platform as small as it can be: Python's own web server, a process without isolation.

It brings its own server, as unikernels do, and only one for the app `http`. A process is found
again by a mark in its environment.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.contracts import technology
from featherbench.contracts.settings import DriverSettings
from featherbench.errors import ImageError, InstanceDiedError, InstanceError
from featherbench.files import digest, write_atomic
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.image import Image, ImageSize
from featherbench.records.instance import Endpoint, Instance
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.system.procfs import one_line
from featherbench.system.sysctls import open_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.records.requirement import MissingRequirement
    from featherbench.records.tuning import Tuning

NAME = "pyserver"
MARK = "PYSERVER_INSTANCE="
DOCUMENTS = "srv/featherbench/http"
PROC = Path("/proc")
WITHIN_S = 5.0
SERVER = """
import functools, http.server, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: otherwise each reply waits for an acknowledgement

    def end_headers(self):
        self.send_header("Connection", "keep-alive")
        super().end_headers()

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

address, port, folder = sys.argv[1:]
Server((address, int(port)), functools.partial(Handler, directory=folder)).serve_forever()
"""


def _processes() -> Iterator[tuple[int, str, str]]:
    """Give pid, instance and testbed of each of ours; a dead one has no environment any more."""
    for file in PROC.glob("[0-9]*/environ"):
        with suppress(OSError):
            for entry in file.read_text(errors="replace").split("\0"):
                if entry.startswith(MARK):
                    instance, _, state = entry.removeprefix(MARK).partition(" ")
                    yield int(file.parent.name), instance, state


def _pids(instance_id: str) -> list[int]:
    return [pid for pid, found, _ in _processes() if found == instance_id]


def _end(instance_id: str) -> None:
    for pid in _pids(instance_id):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not _pids(instance_id), what="end of the server", within_s=WITHIN_S)


def _command(request: StartRequest) -> list[str]:
    """Give the command, on the server's CPUs, with its limit of open files, at its address only."""
    limit = request.tuning.nofile
    documents = Path(request.image.reference["folder"]) / DOCUMENTS
    return [
        *(["prlimit", f"--nofile={limit}:{limit}"] if limit else []),
        *("taskset", "-c", ",".join(map(str, request.placement.cpus))),
        *(
            sys.executable,
            "-c",
            SERVER,
            request.placement.address,
            str(request.port),
            str(documents),
        ),
    ]


class Settings(DriverSettings):
    """It has no keys of its own."""


class Technology(technology.Technology[Settings]):
    """See `contracts/technology.py` of featherbench."""

    Settings = Settings
    networks = ("host",)
    root_filesystems = ()
    subnet_share = None
    fixed_memory = False

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Lack nothing: featherbench itself needs Python."""
        return ()

    def build_image(self, request: BuildRequest) -> Image:
        """Write down the files to serve."""
        if request.service != "http":
            raise ImageError(
                f"{NAME} cannot serve {request.service}", remedy="choose another platform"
            )
        for path, content in request.files.items():
            write_atomic(request.into / path.lstrip("/"), content)
        parts = [path.encode() + b"\0" + content for path, content in sorted(request.files.items())]
        size_bytes = sum(map(len, request.files.values()))
        return Image(
            technology=NAME,
            service=request.service,
            digest=digest(*parts),
            reference={"folder": str(request.into.resolve())},
            size=ImageSize(
                allocated_bytes=size_bytes,
                apparent_bytes=size_bytes,
                compressed_bytes=size_bytes,
                counted="the files that are served, not compressed; without Python",
            ),
            versions={"python": platform.python_version()},
            built_utc=now_utc(),
            build_log=f"wrote {len(request.files)} files",
        )

    def prepare(self, request: StartRequest) -> None:
        """Make nothing: nothing is shared."""

    def start(self, request: StartRequest) -> Instance:
        """Start the server, and wait until its process bears our mark or has ended."""
        request.log.parent.mkdir(parents=True, exist_ok=True)
        began_s = time.monotonic()
        mark = {MARK.rstrip("="): f"{request.instance_id} {request.placement.state}"}
        process = subprocesses.start(_command(request), output=request.log, env=mark)
        wait_until(
            lambda: process.poll() is not None or _pids(request.instance_id),
            what="the server's process",
            within_s=WITHIN_S,
        )
        if process.returncode is not None:
            raise InstanceError(f"the server ended at once: {request.log.read_text()}")
        address = request.placement.address
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"log": str(request.log)},
            endpoint=Endpoint(address=address, port=request.port or 0, ping_address=address),
            started_utc=now_utc(),
            start_phases_s={"start": time.monotonic() - began_s},
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Give what `start` recorded."""
        return instance.start_phases_s

    def is_running(self, instance: Instance) -> bool:
        """Look for its process."""
        return bool(_pids(instance.id))

    def diagnosis(self, instance: Instance) -> str:
        """Give the end of its output."""
        state = "it runs" if self.is_running(instance) else "its process ended"
        return f"{state}; it said: {Path(instance.handle['log']).read_text()[-500:]}"

    def stop(self, instance: Instance) -> None:
        """Kill it."""
        _end(instance.id)

    def usage(self, instance: Instance) -> Usage:
        """Tell nothing: a platform that cannot account for a thing says None."""
        if not self.is_running(instance):
            raise InstanceDiedError(self.diagnosis(instance))
        return Usage(
            cpu_s=None,
            throttled_s=None,
            memory_current_bytes=None,
            memory_working_set_bytes=None,
            memory_anonymous_bytes=None,
            memory_peak_bytes=None,
            source="not accounted",
        )

    def reset_peak(self, instance: Instance) -> bool:
        """Say that it cannot: it does not account for memory."""
        return False

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read the host's sysctls, which are its own, and its limit of open files."""
        files = {key: PROC / "sys" / key.replace(".", "/") for key in tuning.net_sysctls}
        found = {key: one_line(file.read_text()) for key, file in files.items()}
        if tuning.nofile is not None:
            limits = PROC / str(_pids(instance.id)[0]) / "limits"
            found["nofile"] = open_files(limits.read_text())
        return found

    def leftovers(self) -> Sequence[Leftover]:
        """Find servers of ours that still run."""
        return [
            Leftover(kind="process", name=instance, state=state)
            for _, instance, state in _processes()
        ]

    def remove(self, leftover: Leftover) -> None:
        """Kill one of them."""
        _end(leftover.name)

    def facts(self) -> Mapping[str, str]:
        """Tell Python's version."""
        return {"python": platform.python_version()}
