# SPDX-License-Identifier: Apache-2.0
"""The key-value service under test: what it is told, and whether it works."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from featherbench.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.bench import Bench

CONFIGURATION = "/etc/featherbench/kv/redis.conf"
BENCHMARK_KEY = "key:__rand_int__"
"""The key that redis-benchmark reads and writes when it is not told to vary it: literally this."""
COMMAND_WITHIN_S = 5.0
PERSISTENCE_OFF = {"save": "", "appendonly": "no"}

REDIS_CONF = """\
daemonize no
# The testbed's network is closed, and the platforms' networks are not loopback.
protected-mode no
# Persistence off, as in the paper: the disk shall not be measured.
save ""
appendonly no
dir /run/featherbench
# The kernel cuts it to net.core.somaxconn.
tcp-backlog 65535
"""


def files() -> Mapping[str, bytes]:
    """Give what the image contains beside the packages."""
    return {CONFIGURATION: REDIS_CONF.encode()}


def _redis(bench: Bench, *words: str) -> str:
    """Run one command; give the reply as redis-cli prints it, or what it said instead."""
    endpoint = bench.under_test.endpoint
    done = bench.client.run(
        ["redis-cli", "-h", endpoint.address, "-p", str(endpoint.port), *words],
        timeout_s=COMMAND_WITHIN_S,
        check=False,
    )
    return done.stdout.removesuffix("\n") or done.stderr.strip()


def answers(bench: Bench) -> bool:
    """Whether it answers a PING now."""
    return _redis(bench, "PING") == "PONG"


def verify(bench: Bench) -> str:
    """Check that it keeps a value and persists nothing; say what was checked.

    Raises VerificationError.
    """
    key, value = f"featherbench:{uuid.uuid4().hex}", uuid.uuid4().hex
    written, read = _redis(bench, "SET", key, value), _redis(bench, "GET", key)
    _redis(bench, "DEL", key)
    if (written, read) != ("OK", value):
        raise VerificationError(f"SET gave {written!r}, then GET {read!r} instead of {value!r}")
    for setting, wanted in PERSISTENCE_OFF.items():
        found = _redis(bench, "CONFIG", "GET", setting).partition("\n")[2]
        if found != wanted:
            raise VerificationError(f"Redis has {setting} {found!r}, not {wanted!r}")
    version = _field(_redis(bench, "INFO", "server"), "redis_version")
    return f"Redis {version}: SET and GET of a new value, persistence off"


def _field(info: str, name: str) -> str:
    found = re.search(rf"^{name}:(.*?)\r?$", info, re.MULTILINE)
    if found is None:
        raise VerificationError(f"Redis tells no {name}; it said: {info[:200]}")
    return found[1]


def fill(bench: Bench, value_bytes: int) -> None:
    """Write the value that GETs will read. Raises VerificationError."""
    written = _redis(bench, "SET", BENCHMARK_KEY, "x" * value_bytes)
    if written != "OK":
        raise VerificationError(f"SET {BENCHMARK_KEY} gave {written!r}")


def misses(bench: Bench) -> Mapping[str, int]:
    """Count the GETs since its start that found nothing: cheaper for it, so no work to measure."""
    return {"misses": int(_field(_redis(bench, "INFO", "stats"), "keyspace_misses"))}
