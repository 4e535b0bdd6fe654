# SPDX-License-Identifier: Apache-2.0
"""What comparisons alone do not decide: statements and remarks that `claims.yaml` refers to."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from featherbench.plauth2017.claims.claim import (
    ClaimVerdict,
    JudgedStatement,
    Statement,
    inconclusive,
)
from featherbench.plauth2017.claims.pairwise import Contrast, Contrasts
from featherbench.plauth2017.claims.rules import POWERS_OF_TEN
from featherbench.wording.formatting import fraction, number
from featherbench.wording.phrases import interval

START, SIZE = "startup_time", "image_size"
GUESTS = ("linux-kvm", "linux-xen")
LINK_GBIT_S = 1.0
PAPERS_LINK_GBIT_S = 10.0
GBIT_PER_MIB = 8 * 2**20 / 1e9


def larger_than_claimed(
    _contrasts: Contrasts, declared: Statement, evidence: Sequence[Contrast]
) -> str:
    """Remark on sizes that differ by a larger power of ten."""
    power = POWERS_OF_TEN[declared.rule]
    larger = any(-math.log10(it.ratio) > power + 0.5 for it in evidence)
    return "The difference is larger than the claim says." if larger else ""


def suspect_means(contrasts: Contrasts, declared: Statement, _evidence: Sequence[Contrast]) -> str:
    """Remark on suspect means of the first platform."""
    issues = contrasts.quality_issues(declared.metrics[0], declared.compare[0][0][0])
    levels = "; ".join(f"{', '.join(map(str, levels))}: {why}" for why, levels in issues.items())
    return f"Its means are suspect at {levels}." if levels else ""


def services_take_the_time(
    contrasts: Contrasts, declared: Statement, docker_to_lxd: Sequence[Contrast]
) -> JudgedStatement:
    """Leave it open, but say how much longer LXD takes, and compare that with guests."""
    longer = ""
    for start in docker_to_lxd:
        has_bounds = math.isfinite(start.low)
        bounds = f" ({interval(-start.high, -start.low, number)} s)" if has_bounds else ""
        shares = " and ".join(
            f"{fraction(-start.difference / guest.mean_b)} of {guest.b}'s start"
            for guest in contrasts.each(START, [start.b], GUESTS)
        )
        as_share = f", which is {shares}" if shares else ""
        longer = f"LXD takes {number(-start.difference)} s longer{bounds}{as_share}; but "
    return inconclusive(
        declared,
        f"{longer}no platform was started with and without its services, and the two technologies "
        "also differ in other respects",
        docker_to_lxd,
    )


def faster_with_transfer(
    contrasts: Contrasts, declared: Statement, starts: Sequence[Contrast]
) -> JudgedStatement:
    """Compare starts plus the transfer of the images, which is computed and not measured."""
    compared = (transfer(contrasts, start.a, start.b) for start in starts)
    transfers = [one for one in compared if one is not None]
    if not transfers:
        reason = "The data do not have start and image size of both a unikernel and Docker"
        return inconclusive(declared, reason)
    faster, on_papers_link = (
        sum(link < one.low for one in transfers) for link in (LINK_GBIT_S, PAPERS_LINK_GBIT_S)
    )
    all_faster = faster == len(transfers)
    return JudgedStatement(
        statement=declared.statement,
        verdict=ClaimVerdict.SUPPORTED if all_faster else ClaimVerdict.NOT_SUPPORTED,
        test="start plus size over bandwidth, computed, not measured: the link is slower than the "
        "bandwidth at which both are equally fast, for the whole interval of the difference of the "
        "starts",
        finding=f"{faster} of {len(transfers)} are faster; both are equally fast at "
        + ", ".join(map(str, transfers)),
        remark=f"At {PAPERS_LINK_GBIT_S:g} Gbit/s, the links of the paper, "
        f"{on_papers_link} of {len(transfers)} are faster.",
    )


class Transfer(NamedTuple):
    """The bandwidth in Gbit/s at which two platforms are equally fast, with its interval.

    Below it, the smaller image of `first` outweighs its longer start.
    """

    first: str
    equal_gbit_s: float
    low: float
    high: float

    def __str__(self) -> str:
        bounds = f"{number(self.low)} to {number(self.high)}"
        return f"{number(self.equal_gbit_s)} Gbit/s for {self.first} ({bounds})"


def transfer(contrasts: Contrasts, first: str, second: str) -> Transfer | None:
    """Compare start plus transfer of the image; return None if the data lack one of them."""
    start = contrasts.contrast(START, first, second)
    size = contrasts.contrast(SIZE, first, second)
    if start is None or size is None:
        return None
    saved = -size.difference * GBIT_PER_MIB
    longer_s = (start.difference, start.high, start.low)
    return Transfer(first, *(_equal_gbit_s(saved, each) for each in longer_s))


def _equal_gbit_s(saved_gbit: float, longer_s: float) -> float:
    """Return the bandwidth at which the saved transfer takes as long as the longer start."""
    if saved_gbit <= 0:
        return 0.0 if longer_s > 0 else math.nan
    return saved_gbit / longer_s if longer_s > 0 else math.inf


JUDGES = {judge.__name__: judge for judge in (services_take_the_time, faster_with_transfer)}
REMARKS = {remark.__name__: remark for remark in (larger_than_claimed, suspect_means)}
"""The functions of this module by their names in `claims.yaml`."""
