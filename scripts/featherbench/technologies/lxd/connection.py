# SPDX-License-Identifier: Apache-2.0
"""The connection to LXD, or to Incus, which has the same API; and its errors with remedies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from featherbench import errors
from featherbench.errors import ErrorHint, FeatherbenchError, ImageError, InstanceError
from featherbench.system.machine import LOCAL, Machine
from featherbench.technologies._container import answering

if TYPE_CHECKING:
    from pylxd import Client


SOCKETS = tuple(
    Path(folder, "unix.socket")
    for folder in (
        *filter(None, map(os.environ.get, ("LXD_DIR", "INCUS_DIR"))),
        *("/var/lib/lxd", "/var/snap/lxd/common/lxd", "/run/incus", "/var/lib/incus"),
    )
)
"""The user's choice, Debian's LXD, the snap's, Incus."""
LOOK_WITHIN_S = 60.0
TIMEOUT_S = 300
"""An emulated machine needs half a minute to unpack an image."""
START_IT = "systemctl start lxd (or incus), or `make engine` where no systemd runs"

HINTS = (
    ErrorHint(
        r"no space left on device|disk quota exceeded",
        "make room on the disk that holds LXD's files, /var/lib/lxd or /var/snap/lxd/common",
    ),
    ErrorHint(
        r"image not provided|image .*not found|no such (object|image)",
        "rm -f results/images/lxd/*.digest, and run again: the images are rebuilt",
        error=ImageError,
    ),
    ErrorHint(
        r"uid/gid allocation|idmap|[ug]id range",
        "give root 65536 subordinate ids in /etc/subuid and /etc/subgid, as"
        " `root:1000000:65536`, and restart LXD",
    ),
    ErrorHint(r"apparmor", "apt-get install apparmor, and restart LXD, or boot with apparmor=0"),
    ErrorHint(r"seccomp", "update the kernel, liblxc and libseccomp to versions that fit"),
    ErrorHint(
        r"user namespaces?\b", "let root make user namespaces: the sysctl user.max_user_namespaces"
    ),
    ErrorHint(r"dnsmasq.*not found", "apt-get install dnsmasq-base"),
    ErrorHint(
        r"btrfs",
        "apt-get install btrfs-progs, and restart LXD; or remove `storage` from the platform's"
        " settings",
    ),
    ErrorHint(
        r"another NIC|overlaps|address already in use|File exists",
        "set testbed.container_subnet to addresses of 198.18.0.0/15 that nothing else uses",
    ),
    ErrorHint(
        r"already exists|currently in use",
        "`python -m featherbench clean` removes what broken runs left; see `lxc list`",
    ),
)

refusal = partial(errors.refusal, program="LXD", hints=HINTS)
"""Return what it refused as an error; see `errors.refusal`."""


@cache
def socket_of(machine: Machine) -> Path:
    """Return the socket of `machine` on which its LXD or Incus listens; here, the one that answers.

    Raises ConnectionError when none answers here.
    """
    if machine == LOCAL:
        return answering(SOCKETS, "/1.0")
    argv = ["ls", "-d", *map(str, SOCKETS)]
    existing = machine.run(argv, timeout_s=LOOK_WITHIN_S, check=False).stdout.split()
    return next((path for path in SOCKETS if str(path) in existing), SOCKETS[0])


def _silent(where: str, why: Exception, error: type[FeatherbenchError]) -> FeatherbenchError:
    return error(
        f"LXD at {where} does not answer: {why}",
        remedy=errors.remedy_of_silence(str(why), START_IT),
    )


@cache
def connect(socket: Path) -> Client:
    """Connect to a socket of this machine, once per process."""
    import pylxd  # noqa: PLC0415 - heavy

    return pylxd.Client(endpoint=f"http+unix://{quote(str(socket), safe='')}", timeout=TIMEOUT_S)


@contextmanager
def translate_errors(
    doing: str, *, machine: Machine = LOCAL, error: type[FeatherbenchError] = InstanceError
) -> Iterator[Client]:
    """Connect to the LXD of `machine`; its errors become `error`, with `doing` as what failed."""
    import requests  # noqa: PLC0415 - heavy
    from pylxd.exceptions import ClientConnectionFailed, LXDAPIException  # noqa: PLC0415 - heavy

    try:
        socket = socket_of(machine)
    except ConnectionError as lost:
        raise _silent("its sockets", lost, error) from lost
    try:
        yield connect(machine.socket(socket))
    except LXDAPIException as refused:
        raise refusal(doing, str(refused), error) from refused
    except (ClientConnectionFailed, requests.exceptions.RequestException) as lost:
        raise _silent(str(socket), lost, error) from lost
