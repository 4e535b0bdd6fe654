# SPDX-License-Identifier: Apache-2.0
"""The connection to a Docker engine, and its errors with remedies."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import errors
from featherbench.errors import ErrorHint, FeatherbenchError, ImageError, InstanceError
from featherbench.system.machine import LOCAL, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient


SOCKET = Path("/var/run/docker.sock")
TIMEOUT_S = 300
"""Between two bytes of an answer; an engine in an emulated machine takes a minute for an image."""
START_THE_ENGINE = "systemctl start docker, or `make engine` where no systemd runs"

HINTS = (
    ErrorHint(
        r"no space left on device",
        "make room on the disk that holds the engine's files; see `docker system df`",
    ),
    ErrorHint(
        r"port is already allocated|address already in use",
        "end what listens there; see `ss -ltnp` and `docker ps`",
    ),
    ErrorHint(
        r"no such image|image .*not found",
        "rm -f results/images/docker/*.digest, and run again: the images are rebuilt",
        error=ImageError,
    ),
    ErrorHint(
        r"unknown (or invalid )?runtime",
        "add the runtime to daemon.json, or remove `runtime` from the platform's settings",
    ),
    ErrorHint(
        r"pool overlaps|cannot create network .*conflicts",
        "set testbed.container_subnet to addresses of 198.18.0.0/15 that nothing else uses",
    ),
)

refusal = partial(errors.refusal, program="the Docker engine", hints=HINTS)
"""Return what it refused as an error; see `errors.refusal`."""


def silent(url: str, error: type[FeatherbenchError] = InstanceError) -> FeatherbenchError:
    """Return the error that no engine answers."""
    return error(f"the Docker engine at {url} does not answer", remedy=START_THE_ENGINE)


@cache
def connect(url: str) -> DockerClient:
    """Connect to an engine, once per process. Raises InstanceError when none answers."""
    import docker  # noqa: PLC0415 - heavy

    try:
        return docker.DockerClient(base_url=url, version="auto", timeout=TIMEOUT_S)
    except docker.errors.DockerException as refused:
        raise silent(url) from refused


@contextmanager
def translate_errors(
    doing: str, *, machine: Machine = LOCAL, error: type[FeatherbenchError] = InstanceError
) -> Iterator[DockerClient]:
    """Connect to the engine of `machine`; the SDK's errors become `error`, `doing` what failed."""
    import docker  # noqa: PLC0415 - heavy
    import requests  # noqa: PLC0415 - heavy

    url = f"unix://{machine.socket(SOCKET)}"
    try:
        yield connect(url)
    except docker.errors.APIError as refused:
        raise refusal(doing, refused.explanation or str(refused), error) from refused
    except requests.exceptions.RequestException as lost:
        raise silent(url, error) from lost
