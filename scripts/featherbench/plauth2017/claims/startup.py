# SPDX-License-Identifier: Apache-2.0
"""The claims on startup, round-trip times and on-demand provisioning: 1, 2, 4 and 11."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    ALIKE,
    ALIKE_EACH,
    MUCH,
    Claim,
    JudgedStatement,
    below,
    inconclusive,
    judge_statement,
)
from featherbench.plauth2017.claims.pairwise import (
    CONTAINERS,
    DOCKER,
    GUESTS,
    LXD,
    ON_BOTH,
    ON_ONE,
    OSV,
    RUMPRUN,
    UNIKERNELS,
)
from featherbench.statistics.conventions import SIGNIFICANT_P
from featherbench.wording.claim_verdict import ClaimVerdict
from featherbench.wording.formatting import fraction, number
from featherbench.wording.phrases import interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from featherbench.plauth2017.claims.pairwise import Contrast, Contrasts

START, ROUND_TRIP, SIZE = "startup_time", "round_trip_time", "image_size"
LINK_GBIT_S = 1.0
PAPERS_LINK_GBIT_S = 10.0
GBIT_PER_MIB = 8 * 2**20 / 1e9


def faster_than_guests(contrasts: Contrasts) -> Claim:
    """Judge claim 1."""

    def statement(subject: str, platforms: tuple[str, ...]) -> JudgedStatement:
        return judge_statement(
            f"{subject} much faster than a Linux guest, on KVM and on Xen",
            _much_faster(contrasts, "the guest"),
            contrasts.each(START, platforms, GUESTS),
            below(SIGNIFICANT_P, MUCH),
        )

    return Claim(
        number=1,
        text="Unikernels and containers start much faster than whole-system virtualization.",
        statements=(
            statement("Unikernels start", UNIKERNELS),
            statement("Docker starts", (DOCKER,)),
            statement("LXD starts", (LXD,)),
        ),
    )


def services_take_the_time(contrasts: Contrasts) -> Claim:
    """Judge claim 2."""
    docker_to_lxd = contrasts.each(START, [DOCKER], [LXD])
    return Claim(
        number=2,
        text="The difference between the starts of LXD and Docker shows that much of the start of "
        "a Linux system is spent in its services, not in its kernel.",
        statements=(
            judge_statement(
                "Docker starts much faster than LXD, on the same kernel",
                _much_faster(contrasts, "LXD"),
                docker_to_lxd,
                below(SIGNIFICANT_P, MUCH),
            ),
            inconclusive(
                "The services take that time",
                f"{_longer(contrasts, docker_to_lxd)}no platform was started with and without its "
                "services, and the two technologies also differ in other respects",
                docker_to_lxd,
            ),
        ),
    )


def _longer(contrasts: Contrasts, docker_to_lxd: Sequence[Contrast]) -> str:
    """Return how much longer LXD takes to start than Docker, and compare that with guests."""
    if not docker_to_lxd:
        return ""
    (start,) = docker_to_lxd
    bounds = ""
    if math.isfinite(start.low):
        bounds = f" ({interval(-start.high, -start.low, number)} s)"
    shares = " and ".join(
        f"{fraction(-start.difference / guest.mean_b)} of {guest.b}'s start"
        for guest in contrasts.each(START, [LXD], GUESTS)
    )
    as_share = f", which is {shares}" if shares else ""
    return f"LXD takes {number(-start.difference)} s longer{bounds}{as_share}; but "


def _much_faster(contrasts: Contrasts, slower: str) -> str:
    test = contrasts.terms.one_level
    return f"{test}: p < {SIGNIFICANT_P}, and at most {1 / MUCH:g} of {slower}'s time"


def round_trips(contrasts: Contrasts) -> Claim:
    """Judge claim 4."""

    def of_pairs(pairs: Iterable[tuple[str, str]]) -> list[Contrast]:
        return [one for a, b in pairs for one in contrasts.each(ROUND_TRIP, [a], [b])]

    terms = contrasts.terms
    return Claim(
        number=4,
        text="Round trips of Rumprun, OSv and the containers are alike; KVM's are much shorter "
        "than Xen's for every guest.",
        statements=(
            judge_statement(
                "Rumprun and OSv on KVM, Docker and LXD are alike",
                f"equivalence: {terms.interval} lies within {1 / ALIKE:.2f} to {ALIKE:.2f}",
                of_pairs(combinations((RUMPRUN, OSV, *CONTAINERS), 2)),
                ALIKE_EACH,
            ),
            judge_statement(
                "KVM's are much shorter than Xen's, for the guests that ran on both",
                f"{terms.one_level}: p < {SIGNIFICANT_P}, and at most {1 / MUCH:g} of Xen's time",
                of_pairs(ON_BOTH),
                below(SIGNIFICANT_P, MUCH),
            ),
            inconclusive(
                "KVM's are also much shorter for OSv and MirageOS",
                f"The paper ran each of {' and '.join(ON_ONE)} on one hypervisor only",
            ),
        ),
    )


def on_demand(contrasts: Contrasts) -> Claim:
    """Judge claim 11."""
    others = [name for name in contrasts.platforms(START) if name != DOCKER]
    fastest = judge_statement(
        "Docker starts fastest",
        f"{contrasts.terms.one_level}: p < {SIGNIFICANT_P}",
        contrasts.each(START, [DOCKER], others),
        below(SIGNIFICANT_P),
    )
    return Claim(
        number=11,
        text="On-demand provisioning: Docker starts fastest, but unikernels compete if the image "
        "must be transferred first, because it is small.",
        statements=(fastest, _transferred(contrasts)),
    )


def _transferred(contrasts: Contrasts) -> JudgedStatement:
    statement = (
        f"At {LINK_GBIT_S:g} Gbit/s every unikernel is faster than Docker, transfer of the image "
        "and start together"
    )
    compared = (transfer(contrasts, unikernel, DOCKER) for unikernel in UNIKERNELS)
    transfers = [one for one in compared if one is not None]
    if not transfers:
        reason = "The data do not have start and image size of both a unikernel and Docker"
        return inconclusive(statement, reason)
    faster = sum(one.first_is_faster(LINK_GBIT_S) for one in transfers)
    on_papers_link = sum(one.first_is_faster(PAPERS_LINK_GBIT_S) for one in transfers)
    all_faster = faster == len(transfers)
    return JudgedStatement(
        statement=statement,
        verdict=ClaimVerdict.SUPPORTED if all_faster else ClaimVerdict.NOT_SUPPORTED,
        test="start plus size over bandwidth, computed, not measured: the link is slower than the "
        "bandwidth at which both are equally fast, for the whole interval of the difference of the "
        "starts",
        finding=f"{faster} of {len(transfers)} are faster; both are equally fast at "
        + ", ".join(map(_equal_bandwidth, transfers)),
        remark=f"At {PAPERS_LINK_GBIT_S:g} Gbit/s, the links of the paper, "
        f"{on_papers_link} of {len(transfers)} are faster.",
    )


def _equal_bandwidth(compared: Transfer) -> str:
    bounds = f"{number(compared.low)} to {number(compared.high)}"
    return f"{number(compared.equal_gbit_s)} Gbit/s for {compared.first} ({bounds})"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The bandwidth in Gbit/s at which two platforms are equally fast, with its interval.

    Below it, the smaller image of `first` outweighs its longer start.
    """

    first: str
    equal_gbit_s: float
    low: float
    high: float

    def first_is_faster(self, link_gbit_s: float) -> bool:
        """Whether `first` is faster on a link, for the whole interval."""
        return link_gbit_s < self.low


def transfer(contrasts: Contrasts, first: str, second: str) -> Transfer | None:
    """Compare start plus transfer of the image; return None if the data lack one of them."""
    start = contrasts.contrast(START, first, second)
    size = contrasts.contrast(SIZE, first, second)
    if start is None or size is None:
        return None
    saved = -size.difference * GBIT_PER_MIB
    return Transfer(
        first=first,
        equal_gbit_s=_equal_gbit_s(saved, start.difference),
        low=_equal_gbit_s(saved, start.high),
        high=_equal_gbit_s(saved, start.low),
    )


def _equal_gbit_s(saved_gbit: float, longer_s: float) -> float:
    """Return the bandwidth at which the saved transfer takes as long as the longer start."""
    if saved_gbit <= 0:
        return 0.0 if longer_s > 0 else math.nan
    return saved_gbit / longer_s if longer_s > 0 else math.inf
