# SPDX-License-Identifier: Apache-2.0
"""The claims on startup time and on-demand provisioning: 1, 2 and 11."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import MUCH, Claim, Part, below, judge, undecidable
from featherbench.plauth2017.claims.image_transfer import Link, against
from featherbench.plauth2017.claims.pairwise import SIGNIFICANT
from featherbench.plauth2017.claims.platform_groups import DOCKER, GUESTS, LXD, UNIKERNELS
from featherbench.wording.claim_verdict import Verdict
from featherbench.wording.formatting import fraction, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.plauth2017.claims.image_transfer import Race
    from featherbench.plauth2017.claims.pairwise import Contrast, Contrasts

START = "startup_time"
LINK = Link(gigabits_per_s=1)
NO_RACE = "The data have no start and image size of both a unikernel and Docker"
PAPERS_LINK = Link(gigabits_per_s=10)


def faster_than_guests(contrasts: Contrasts) -> Claim:
    """Claim 1."""

    def part(who: str, platforms: tuple[str, ...]) -> Part:
        found = contrasts.each(START, platforms, GUESTS)
        statement = f"{who} much faster than a Linux guest, on KVM and on Xen"
        return judge(
            statement, _much_faster(contrasts, "the guest"), found, below(SIGNIFICANT, MUCH)
        )

    return Claim(
        number=1,
        text="Unikernels and containers start much faster than whole-system virtualization.",
        parts=(
            part("Unikernels start", UNIKERNELS),
            part("Docker starts", (DOCKER,)),
            part("LXD starts", (LXD,)),
        ),
    )


def services_take_the_time(contrasts: Contrasts) -> Claim:
    """Claim 2."""
    slower = contrasts.each(START, [DOCKER], [LXD])
    return Claim(
        number=2,
        text="LXD's start against Docker's shows that much of a Linux system's start is its "
        "services, not its kernel.",
        parts=(
            judge(
                "Docker starts much faster than LXD, on the same kernel",
                _much_faster(contrasts, "LXD"),
                slower,
                below(SIGNIFICANT, MUCH),
            ),
            undecidable(
                "The services are what takes that time",
                f"{_longer(contrasts, slower)}nothing was started with and without its services, "
                "and the two engines differ in more than that",
                slower,
            ),
        ),
    )


def _longer(contrasts: Contrasts, slower: Sequence[Contrast]) -> str:
    """Say how much later LXD starts than Docker, beside what guests take."""
    if not slower:
        return ""
    (one,) = slower
    interval = ""
    if math.isfinite(one.low):
        interval = f" (95 % interval {number(-one.high)} to {number(-one.low)} s)"
    shares = " and ".join(
        f"{fraction(-one.difference / guest.mean_b)} of {guest.b}'s start"
        for guest in contrasts.each(START, [LXD], GUESTS)
    )
    beside = f", as much as {shares}" if shares else ""
    return f"LXD takes {number(-one.difference)} s longer{interval}{beside}; but "


def _much_faster(contrasts: Contrasts, whose: str) -> str:
    test = contrasts.terms.one_level
    return f"{test}: p < {SIGNIFICANT}, and at most {1 / MUCH:g} of {whose}'s time"


def on_demand(contrasts: Contrasts) -> Claim:
    """Claim 11."""
    others = [name for name in contrasts.platforms(START) if name != DOCKER]
    fastest = judge(
        "Docker starts fastest",
        f"{contrasts.terms.one_level}: p < {SIGNIFICANT}",
        contrasts.each(START, [DOCKER], others),
        below(SIGNIFICANT),
    )
    return Claim(
        number=11,
        text="On-demand provisioning: Docker starts fastest, but unikernels compete where the "
        "image must be transferred first, thanks to their size.",
        parts=(fastest, _transferred(contrasts)),
    )


def _transferred(contrasts: Contrasts) -> Part:
    statement = (
        f"At {LINK.gigabits_per_s:g} Gbit/s every unikernel is there before Docker, image and "
        "start together"
    )
    found = (against(contrasts, unikernel, DOCKER) for unikernel in UNIKERNELS)
    races = [race for race in found if race is not None]
    if not races:
        return undecidable(statement, NO_RACE)
    won = [race for race in races if race.won_by_first(LINK)]
    on_papers_link = [race for race in races if race.won_by_first(PAPERS_LINK)]
    everyone = len(won) == len(races)
    return Part(
        statement=statement,
        verdict=Verdict.BORNE_OUT if everyone else Verdict.NOT_BORNE_OUT,
        test="start plus size over bandwidth, computed and not measured: the link is slower than "
        "where the two are equal, for the whole interval of the difference of the starts",
        finding=f"{len(won)} of {len(races)} are; start and transfer balance at "
        + ", ".join(map(_spelt, races)),
        remark=f"At {PAPERS_LINK.gigabits_per_s:g} Gbit/s, the paper's own links, "
        f"{len(on_papers_link)} of {len(races)} are.",
    )


def _spelt(race: Race) -> str:
    bounds = f"{number(race.low)} to {number(race.high)}"
    return f"{number(race.equal_at)} Gbit/s for {race.first} ({bounds})"
