# SPDX-License-Identifier: Apache-2.0
"""The connection to a Docker engine, and its errors with remedies."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import errors
from featherbench.errors import ErrorHint, FeatherbenchError, ImageError, InstanceError
from featherbench.system.machine import LOCAL, Machine
from featherbench.technologies._container import answering

if TYPE_CHECKING:
    from docker import DockerClient


SOCKET = Path("/var/run/docker.sock")


def _context_host(home: Path) -> str:
    """Return the address of the engine that `docker context use` has chosen; "" for the default."""
    folder = home / ".docker"
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        name = os.environ.get("DOCKER_CONTEXT") or settings.get("currentContext", "default")
        file = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        context = json.loads(file.read_text(encoding="utf-8"))
        return str(context["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ""


def candidate_sockets() -> tuple[Path, ...]:
    """Return where an engine of this machine may listen: the user's choice, then the usual places.

    Those are the engine's own socket, a rootless one's, and Podman's.
    """
    chosen = (os.environ.get("DOCKER_HOST", ""), _context_host(Path.home()))
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    return (
        *(Path(url.removeprefix("unix://")) for url in chosen if url.startswith("unix://")),
        SOCKET,
        runtime / "docker.sock",
        Path("/run/podman/podman.sock"),
        runtime / "podman/podman.sock",
    )


TIMEOUT_S = 300
"""Between two bytes of an answer; an engine in an emulated machine takes a minute for an image."""
START_THE_ENGINE = (
    "systemctl start docker (or podman.socket), or `make engine` where no systemd runs"
)

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
        r"/proc/sys/\S+: (no such file|read-only|permission denied|operation not permitted)",
        "take that sysctl out of tuning.net_sysctls: the container's kernel or runtime hides it",
    ),
    ErrorHint(r"/proc/sys/\S+: invalid argument", "correct its value in tuning.net_sysctls"),
    ErrorHint(
        r"(host'?s? network|host network).*user namespace|user namespace.*host.*network",
        "take the network `host` out of the platform: the engine has userns-remap, or is rootless",
    ),
    ErrorHint(
        r"(uid|gid|id) ?map|user namespace",
        "give the engine subordinate ids (/etc/subuid, /etc/subgid), and the kernel user"
        " namespaces (user.max_user_namespaces); or run the engine without userns-remap",
    ),
    ErrorHint(
        r"seccomp",
        "update runc and libseccomp, or set `seccomp: unconfined` in the platform's settings",
    ),
    ErrorHint(
        r"apparmor", "apt-get install apparmor, and restart the engine, or boot with apparmor=0"
    ),
    ErrorHint(
        r"setting rlimit",
        "choose a tuning.nofile that the engine may set: see `ulimit -Hn` of its process",
    ),
    ErrorHint(
        r"iptables.*(no chain|does not exist|failed)|no chain/target/match",
        "restart the engine: something has removed its chains from the firewall",
    ),
    ErrorHint(r"requested cpus are not available", "name CPUs of `docker info` in testbed"),
    ErrorHint(r"minimum memory limit", "raise `memory_mib` in the platform's settings"),
    ErrorHint(
        r"exec.*permission denied",
        "keep the engine's files on a file system that is mounted without `noexec`",
    ),
    ErrorHint(
        r"network enabled in root network namespace",
        "update runsc, which takes all network namespaces of a new kernel for the machine's own",
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

refusal = partial(errors.refusal, hints=HINTS)
"""Return what it refused as an error; see `errors.refusal`."""


def _engine_at(url: str) -> str:
    """Return what answers there: Podman, which speaks Docker's language, is not Docker."""
    return "Podman" if "podman" in url else "the Docker engine"


def silent(
    where: str, why: Exception, error: type[FeatherbenchError] = InstanceError
) -> FeatherbenchError:
    """Return the error that no engine answers."""
    return error(
        f"{_engine_at(where)} at {where} does not answer: {why}",
        remedy=errors.remedy_of_silence(str(why), START_THE_ENGINE),
    )


@cache
def socket_here() -> Path:
    """Return the socket of this machine's engine. Raise ConnectionError when none answers."""
    return answering(candidate_sockets(), "/version")


@cache
def connect(url: str) -> DockerClient:
    """Connect to an engine, once per process. Raises InstanceError when none answers."""
    import docker  # noqa: PLC0415 - heavy

    try:
        return docker.DockerClient(base_url=url, version="auto", timeout=TIMEOUT_S)
    except docker.errors.DockerException as refused:
        raise silent(url, refused) from refused


@contextmanager
def translate_errors(
    doing: str, *, machine: Machine = LOCAL, error: type[FeatherbenchError] = InstanceError
) -> Iterator[DockerClient]:
    """Connect to the engine of `machine`; the SDK's errors become `error`, `doing` what failed."""
    import docker  # noqa: PLC0415 - heavy
    import requests  # noqa: PLC0415 - heavy

    try:
        url = f"unix://{socket_here() if machine == LOCAL else machine.socket(SOCKET)}"
    except ConnectionError as lost:
        raise silent(str(SOCKET), lost, error) from lost
    try:
        yield connect(url)
    except docker.errors.APIError as refused:
        said = refused.explanation or str(refused)
        raise refusal(doing, said, error, program=_engine_at(url)) from refused
    except requests.exceptions.RequestException as lost:
        raise silent(url, lost, error) from lost
