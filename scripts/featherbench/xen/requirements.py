# SPDX-License-Identifier: Apache-2.0
"""What is missing to run domains: on this machine, and in dom0."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from featherbench.errors import MachineSilentError
from featherbench.records.requirement import MissingRequirement
from featherbench.system import iproute, programs
from featherbench.xen import dom0_probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.xen.settings import Dom0Settings

NEEDS = {"ip": "iproute2", "iptables": "iptables", "sysctl": "procps", "tar": "tar"}
BY_SSH = {"ssh": "openssh-client", "scp": "openssh-client"}
CONFIGURE_DOM0 = (
    "boot that machine with Xen (apt-get install xen-system-amd64 dmsetup), or configure where dom0"
    " is: `hypervisors: {xen: {dom0: …, bridge: …, link: …}}`; see"
    " config/README.md"
)


def of(settings: Dom0Settings, *, emulated: bool) -> Iterator[MissingRequirement]:
    """Yield what is missing, for Xen on a real processor or on an emulated one.

    A dom0 that does not answer is not missing: earlier results are kept.
    """
    yield from programs.missing_root()
    yield from programs.missing(NEEDS | (BY_SSH if settings.dom0 else {}))
    if settings.dom0 and not iproute.exists(settings.link):
        yield MissingRequirement(
            what=f"there is no interface {settings.link}, which should lead to dom0's bridge",
            remedy="correct `link` in `hypervisors`",
        )
        return  # no guest could be reached
    with suppress(MachineSilentError):
        yield from _of_dom0(dom0_probe.probe(settings), emulated=emulated)


def _of_dom0(dom0: dom0_probe.Dom0Info | str, *, emulated: bool) -> Iterator[MissingRequirement]:
    if isinstance(dom0, str):
        yield MissingRequirement(what=dom0, remedy=CONFIGURE_DOM0)
        return
    if dom0.is_emulated and not emulated:
        yield MissingRequirement(
            what=f"Xen runs on an emulated processor there ({dom0.processor}): its figures do not"
            " measure Xen",
            remedy="name the platform <technology>-xentcg, which is reported as emulated",
        )
    if emulated and not dom0.is_emulated:
        yield MissingRequirement(
            what=f"Xen runs on a real processor there ({dom0.processor})",
            remedy="name the platform <technology>-xen",
        )
