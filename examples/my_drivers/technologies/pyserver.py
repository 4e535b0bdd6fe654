# SPDX-License-Identifier: Apache-2.0
"""A small technology: Python's web server, a process without isolation, for the service `http`.

It brings its own server, as unikernels do. A mark in the environment identifies its processes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from platform import python_version

from featherbench.clock import now_utc
from featherbench.contracts import technology
from featherbench.contracts.technology import BuildRequest, StartRequest
from featherbench.errors import ImageError, InstanceDiedError
from featherbench.files import digest, write_atomic
from featherbench.ownership import Leftover
from featherbench.records.cell import Usage
from featherbench.records.instance import Image, ImageSize, Instance
from featherbench.records.tuning import Tuning
from featherbench.system import processes, subprocesses, sysctls
from featherbench.system.polling import wait_until
from featherbench.system.processes import Process

MARK = "PYSERVER_INSTANCE"
SERVER = """
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one packet, or each reply waits for an acknowledgement
    log_message = lambda *_: None
    def end_headers(self):
        self.send_header("Connection", "keep-alive")
        super().end_headers()
http.server.ThreadingHTTPServer.request_queue_size = 1024
os.chdir(sys.argv[3])
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


def _servers() -> dict[str, tuple[str, Process]]:
    """Map each instance to its testbed and its process."""
    marked = ((value.split(" ", 1), process) for value, process in processes.with_variable(MARK))
    return {instance_id: (state, process) for (instance_id, state), process in marked}


class Technology(technology.Technology):
    """Runs one process per instance, which ends with the instance."""

    def build_image(self, request: BuildRequest) -> Image:
        """Write the files to serve."""
        if request.service != "http":
            raise ImageError(f"pyserver has no {request.service}", remedy="use another platform")
        for path, content in request.files.items():
            write_atomic(request.into / path.lstrip("/"), content)
        size = sum(map(len, request.files.values()))
        return Image(
            technology="pyserver",
            service=request.service,
            digest=digest(*map(str.encode, request.files), *request.files.values()),
            reference={"folder": str(request.into.resolve() / "srv/featherbench/http")},
            size=ImageSize(
                allocated_bytes=size, apparent_bytes=size, compressed_bytes=size, counted="files"
            ),
            versions={"python": python_version()},
            built_utc=now_utc(),
            build_log=f"wrote {len(request.files)} files",
        )

    def start(self, request: StartRequest) -> Instance:
        """Start the server on its CPUs, with its limit of open files, at its address only."""
        address, limit = request.placement.address, request.tuning.nofile
        command = ["taskset", "-c", ",".join(map(str, request.placement.cpus))]
        command += ["prlimit", f"--nofile={limit}:{limit}"] if limit else []
        command += [sys.executable, "-c", SERVER, address, str(request.port)]
        command += [request.image.reference["folder"]]
        mark = {MARK: f"{request.instance_id} {request.placement.state}"}
        request.log.parent.mkdir(parents=True, exist_ok=True)
        server = subprocesses.start(command, output=request.log, env=mark)
        wait_until(
            lambda: request.instance_id in _servers() or server.poll() is not None,
            what="start of the server",
            within_s=5,
        )
        return request.started("pyserver", address, handle={"log": str(request.log)})

    def is_running(self, instance: Instance) -> bool:
        """Look for its process."""
        return instance.id in _servers()

    def diagnosis(self, instance: Instance) -> str:
        """Return the end of its output."""
        state = "it runs" if self.is_running(instance) else "its process ended"
        output = Path(instance.handle["log"]).read_text(encoding="utf-8")
        return f"{state}; its output: {output[-500:]}"

    def stop(self, instance: Instance) -> None:
        """End it like a leftover."""
        self.remove(Leftover(kind="process", name=instance.id))

    def usage(self, instance: Instance) -> Usage:
        """Return nothing: it does not count what an instance uses."""
        if not self.is_running(instance):
            raise InstanceDiedError(self.diagnosis(instance))
        return Usage(source="not counted")

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> dict[str, str]:
        """Read the machine's sysctls, which are the process's, and the process's limit."""
        return dict(sysctls.of_process(_servers()[instance.id][1].pid, tuning))

    def leftovers(self) -> list[Leftover]:
        """Return the servers that still run."""
        return [
            Leftover(kind="process", name=instance_id, state=state)
            for instance_id, (state, _) in _servers().items()
        ]

    def remove(self, leftover: Leftover) -> None:
        """End its process."""
        _, process = _servers().get(leftover.name, ("", None))
        if process is not None:
            processes.end(process, grace_s=5, what="the server")
