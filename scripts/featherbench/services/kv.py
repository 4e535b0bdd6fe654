# SPDX-License-Identifier: Apache-2.0
"""The key-value service under test, Redis: its files, its readiness, its verification."""

import re
import uuid
from collections.abc import Mapping

from featherbench.contracts.bench import Bench
from featherbench.errors import ErrorHint, VerificationError, find_hint
from featherbench.services.http import NO_CONNECTION

CONFIGURATION = "/etc/featherbench/kv/redis.conf"
BENCHMARK_KEY = "key:__rand_int__"
"""The key that redis-benchmark reads and writes, literally, unless an option makes it vary."""
EXCHANGE = ("PING\r\n", "+PONG")
"""A request, and how the answer begins."""
COMMAND_WITHIN_S = 5.0
PERSISTENCE_OFF = {"save": "", "appendonly": "no"}

EMPTY = '""'
HINTS = (
    ErrorHint(r"NOAUTH|WRONGPASS|NOPERM", "leave `requirepass` and `aclfile` out of redis.conf"),
    ErrorHint(r"protected mode", "write `protected-mode no` into the image's redis.conf"),
    ErrorHint(r"\bOOM\b", "raise `maxmemory` in redis.conf, or give the server more memory"),
    ErrorHint(r"MISCONF", 'write `save ""` into the image\'s redis.conf: it cannot write its dump'),
    ErrorHint(r"READONLY", "leave `replicaof` out of redis.conf"),
    ErrorHint(r"LOADING", "leave a dump out of the image: it loads for longer than it may"),
    *NO_CONNECTION,
)
"""What a reply of Redis, or redis-cli's message, means where no value is kept."""

REDIS_CONF = """\
daemonize no
# The testbed's network is closed, and clients do not come from loopback.
protected-mode no
# No persistence: the disk is not to be measured.
save ""
appendonly no
dir /run/featherbench
# The kernel limits it to net.core.somaxconn.
tcp-backlog 65535
"""


def files() -> Mapping[str, bytes]:
    """Return the files that the image contains besides the packages."""
    return {CONFIGURATION: REDIS_CONF.encode()}


def _redis(bench: Bench, *words: str, commands: str | None = None) -> str:
    """Run one command, or those of several lines; return what redis-cli prints, or its error."""
    endpoint = bench.under_test.endpoint
    done = bench.client.run(
        ["redis-cli", "-h", endpoint.address, "-p", str(endpoint.port), *words],
        timeout_s=COMMAND_WITHIN_S,
        check=False,
        stdin=commands,
    )
    return done.stdout.removesuffix("\n") or done.stderr.strip()


def answers(bench: Bench) -> bool:
    """Return whether it answers a PING now."""
    return _redis(bench, "PING") == "PONG"


def require_kept_value(bench: Bench) -> None:
    """Check that it keeps a new value. Raise VerificationError."""
    key, value = f"featherbench:{uuid.uuid4().hex}", uuid.uuid4().hex
    replies = _redis(bench, commands=f"SET {key} {value}\nGET {key}\nDEL {key}\n")
    written, read, *_ = [*replies.splitlines(), "", ""]
    if (written, read) != ("OK", value):
        hint = find_hint(HINTS, f"{written} {read}")
        raise VerificationError(
            f"SET gave {written!r}, then GET {read!r} instead of {value!r}",
            remedy=hint.remedy if hint else "see the server's log: it does not keep values",
        )


def verify(bench: Bench) -> str:
    """Check that it keeps a value and persists nothing. Raise VerificationError."""
    require_kept_value(bench)
    for setting, expected in PERSISTENCE_OFF.items():
        value = _redis(bench, "CONFIG", "GET", setting).partition("\n")[2]
        if value != expected:
            raise VerificationError(
                f"Redis has {setting} {value!r}, not {expected!r}",
                remedy=f"write `{setting} {expected or EMPTY}` into the image's redis.conf",
            )
    version = _field(_redis(bench, "INFO", "server"), "redis_version")
    return f"Redis {version}: SET and GET of a new value, persistence off"


def _field(info: str, name: str) -> str:
    match = re.search(rf"^{name}:(.*?)\r?$", info, re.MULTILINE)
    if match is None:
        raise VerificationError(f"Redis reports no {name}; its output: {info[:200]}")
    return match[1]


def fill(bench: Bench, value_bytes: int) -> None:
    """Write the value that the load's GETs read. Raises VerificationError."""
    written = _redis(bench, "SET", BENCHMARK_KEY, "x" * value_bytes)
    if written != "OK":
        raise VerificationError(f"SET {BENCHMARK_KEY} gave {written!r}")


def misses(bench: Bench) -> Mapping[str, int]:
    """Return how many GETs since its start met no value: these are not the work to be measured."""
    return {"misses": int(_field(_redis(bench, "INFO", "stats"), "keyspace_misses"))}
