# SPDX-License-Identifier: Apache-2.0
"""What dom0 is, and what is missing to run domains: on this machine, and in dom0."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from featherbench.errors import CommandError, InstanceError, MachineSilentError
from featherbench.paths import resource
from featherbench.records.requirement import MissingRequirement
from featherbench.system import iproute, programs
from featherbench.system.procfs import parse_cpuinfo
from featherbench.xen.settings import Dom0Settings
from featherbench.xen.xl import Xl

NEEDS = {"ip": "iproute2", "iptables": "iptables", "sysctl": "procps", "tar": "tar"}
BY_SSH = {"ssh": "openssh-client", "scp": "openssh-client"}
CONFIGURE_DOM0 = (
    "boot that machine with Xen (apt-get install xen-system-amd64 dmsetup), or configure where dom0"
    " is: `hypervisors: {xen: {dom0: …, bridge: …, link: …}}`; see config/README.md"
)
CPUINFO = Path("/proc/cpuinfo")
PROGRAMS = (
    *("xl", "xenstore-read", "xenstore-write"),
    *("losetup", "blockdev", "flock", "dmsetup", "truncate", "tar"),
)
MISSING = resource("xen/missing.sh")
EMULATED = "QEMU TCG"
"""Part of the name of the processor that QEMU emulates in software."""
READ_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Dom0Info:
    """The output of `xl info`, and the processor that dom0 sees."""

    xen: Mapping[str, str]
    processor: str


def probe(settings: Dom0Settings) -> Dom0Info | str:
    """Return what a dom0 is, or why it has no Xen. Raise MachineSilentError; asked only once."""
    result = _probe(settings)
    if isinstance(result, MachineSilentError):
        raise result
    return result


@cache
def _probe(settings: Dom0Settings) -> Dom0Info | str | MachineSilentError:
    dom0 = settings.machine
    try:
        cpuinfo = dom0.run(["cat", str(CPUINFO)], timeout_s=READ_WITHIN_S).stdout
        argv = ["cat", "/proc/xen/capabilities"]
        if "control_d" not in dom0.run(argv, timeout_s=READ_WITHIN_S, check=False).stdout:
            return f"{dom0.description} was not booted by Xen"
        argv = ["sh", "-s", "--", *PROGRAMS]
        missing = dom0.run(
            argv, timeout_s=READ_WITHIN_S, stdin=MISSING.read_text(encoding="utf-8")
        ).stdout
        if missing:
            return f"{dom0.description} lacks the programs {', '.join(missing.split())}"
        return Dom0Info(
            xen=Xl(dom0=dom0).info(), processor=parse_cpuinfo(cpuinfo, "model name") or ""
        )
    except CommandError as error:
        return f"{dom0.description} cannot be examined: {error.message}"
    except MachineSilentError as silence:
        return silence
    except InstanceError as error:
        return error.message


def of(settings: Dom0Settings, *, emulated: bool) -> Iterator[MissingRequirement]:
    """Yield what is missing. A dom0 that does not answer is not: earlier results are kept."""
    yield from programs.missing_root()
    yield from programs.missing(NEEDS | (BY_SSH if settings.dom0 else {}))
    if settings.dom0 and not iproute.exists(settings.link):
        yield MissingRequirement(
            what=f"there is no interface {settings.link}, which should lead to dom0's bridge",
            remedy="correct `link` in `hypervisors`",
        )
        return  # no guest could be reached
    with suppress(MachineSilentError):
        yield from _of_dom0(probe(settings), emulated=emulated)


def _of_dom0(dom0: Dom0Info | str, *, emulated: bool) -> Iterator[MissingRequirement]:
    if isinstance(dom0, str):
        yield MissingRequirement(what=dom0, remedy=CONFIGURE_DOM0)
        return
    is_emulated = EMULATED in dom0.processor
    if is_emulated and not emulated:
        yield MissingRequirement(
            what=f"Xen runs on an emulated processor there ({dom0.processor}): its figures do not"
            " measure Xen",
            remedy="name the platform <technology>-xentcg, which is reported as emulated",
        )
    if emulated and not is_emulated:
        yield MissingRequirement(
            what=f"Xen runs on a real processor there ({dom0.processor})",
            remedy="name the platform <technology>-xen",
        )
