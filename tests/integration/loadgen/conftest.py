# SPDX-License-Identifier: Apache-2.0
"""Our load generator, compiled with sanitizers and without, and a server whose record is true."""

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import ran

HERE = Path(__file__).parent
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OWN_NETWORK = 'ip link set lo up; echo "$0" > /proc/sys/net/ipv4/ip_local_port_range; exec "$@"'
WITHOUT_LEAKS = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
"""What its threads have until the end is none."""


def compiled(program, *sources, options=()):
    argv = ["gcc", *STRICT, *options, "-o", program, *sources, "-lm", "-pthread"]
    subprocess.run(argv, check=True, timeout=120)
    return program


@pytest.fixture(scope="session")
def sources(repository):
    return repository / "resources/loadgen"


@pytest.fixture(scope="session")
def programs(sources, tmp_path_factory):
    """Compile it twice, and the server."""
    folder = tmp_path_factory.mktemp("loadgen")
    ours = sorted(sources.glob("*.c"))
    return {
        "sanitized": compiled(folder / "sanitized", *ours, options=SANITIZED),
        "fast": compiled(folder / "fast", *ours, options=("-O2", "-static")),
        "server": compiled(folder / "server", HERE / "server.c", options=("-O2",)),
    }


@dataclass(frozen=True)
class Record:
    """What the server did; `received` is how the bytes began that it got."""

    facts: dict
    received: bytes

    def __getitem__(self, key):
        return self.facts[key]


class Server:
    """The server, until it has been asked for its record."""

    def __init__(self, protocol, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.protocol = protocol
        self.port = int(self.process.stdout.readline())

    def record(self):
        stdout, _ = self.process.communicate(timeout=10)
        facts, _, received = stdout.partition(b"\n")
        return Record(json.loads(facts), received)


@dataclass(frozen=True)
class Loader:
    """Starts servers, and loads them."""

    programs: dict
    kind: str

    @contextmanager
    def server(self, behaviour="ok", *, protocol="http", nth=0, milliseconds=0, own_network=""):
        """Start one, maybe in a network of its own with so many ports for clients."""
        argv = [self.programs["server"], protocol, behaviour, str(nth), str(milliseconds)]
        if own_network:
            argv = ["unshare", "--net", "sh", "-c", OWN_NETWORK, own_network, *argv]
        server = Server(protocol, argv)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.communicate()

    def argv(self, server, *lines, **options):
        given = {
            "protocol": server.protocol,
            "address": "127.0.0.1",
            "port": server.port,
            "priority": 50,
            **options,
        }
        return [
            self.programs[self.kind],
            *(f"--{name}={value}" for name, value in given.items()),
            *(f"--line={line}" for line in lines),
        ]

    def run(self, argv, commands=""):
        return ran(*argv, input=commands, timeout=60, env=WITHOUT_LEAKS)

    def windows(self, server, commands, *lines, **options):
        """Give the commands, each a line; return the windows."""
        done = self.run(self.argv(server, *lines, **options), commands)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def checked(programs):
    """Load with the program that has sanitizers: what it counts must be exact."""
    return Loader(programs, "sanitized")


@pytest.fixture
def fast(programs):
    """Load with the program that is used: its times must be right."""
    return Loader(programs, "fast")
