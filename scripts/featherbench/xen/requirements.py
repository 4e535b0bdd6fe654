# SPDX-License-Identifier: Apache-2.0
"""What is missing to run domains: here, and in dom0."""

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
SAY_WHERE = (
    "boot that machine with Xen (apt-get install xen-system-amd64 dmsetup), or say in the"
    " configuration where dom0 is: `hypervisors: {xen: {dom0: …, bridge: …, link: …}}`; see"
    " config/README.md"
)


def of(settings: Dom0Settings, *, emulated: bool) -> Iterator[MissingRequirement]:
    """Name what is missing, for Xen on a real processor or on an emulated one.

    A dom0 that does not answer is nothing that is missing: what was measured with it is kept.
    """
    yield from programs.missing_root()
    yield from programs.missing(NEEDS | (BY_SSH if settings.dom0 else {}))
    if settings.dom0 and not iproute.exists(settings.link):
        yield MissingRequirement(
            what=f"there is no interface {settings.link}, which is to lead to dom0's bridge",
            remedy="correct `link` in `hypervisors`",
        )
        return  # whatever answers, no guest there could be reached
    with suppress(MachineSilentError):
        yield from _of_dom0(dom0_probe.look(settings), emulated=emulated)


def _of_dom0(found: dom0_probe.Found | str, *, emulated: bool) -> Iterator[MissingRequirement]:
    if isinstance(found, str):
        yield MissingRequirement(what=found, remedy=SAY_WHERE)
        return
    if found.is_emulated and not emulated:
        yield MissingRequirement(
            what=f"Xen runs on an emulated processor there ({found.processor}): its figures are no"
            " measure of Xen",
            remedy="name the platform <technology>-xentcg, which is shown as emulated",
        )
    if emulated and not found.is_emulated:
        yield MissingRequirement(
            what=f"Xen runs on a real processor there ({found.processor})",
            remedy="name the platform <technology>-xen",
        )
