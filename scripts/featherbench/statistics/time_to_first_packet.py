# SPDX-License-Identifier: Apache-2.0
"""How long until a service answers where its image is not yet, by the bandwidth of the link.

The time is that of the start plus that of the transfer: the compressed image over the bandwidth.
Of two platforms the one with the smaller image is first on slow links, the one that starts sooner
on fast ones; they cross where the image's surplus takes as long as the start's. The interval of
that bandwidth follows from Welch's interval of the difference of the starts, over deployments.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy

from featherbench.statistics.data.samples import valid

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
SAME_SIZE = 1e-3
MBIT_PER_MIB = 8 * 1.048576
STARTUP = "startup_time"
IMAGE_SIZE = "image_size_"
SIZE = rf"{IMAGE_SIZE}(?P<service>\w+)_compressed$"
COLUMNS = [
    "service",
    "first_below",
    "first_above",
    "bandwidth_mbit_s",
    "ci_low",
    "ci_high",
    "changes_the_winner",
    "note",
]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A platform for one app: seconds of its start, one a deployment, and the image to be sent.

    A plain process on this machine does not isolate the service.
    """

    service: str
    platform: str
    isolates: bool
    starts_s: tuple[float, ...]
    image_mib: float

    @property
    def start_s(self) -> float:
        """The mean start."""
        return float(np.mean(self.starts_s))

    @property
    def image_mbit(self) -> float:
        """The compressed image, in megabits."""
        return self.image_mib * MBIT_PER_MIB

    def time_s(self, bandwidth_mbit_s: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        """Give the time to the first packet at some bandwidth, or several."""
        return self.start_s + self.image_mbit / bandwidth_mbit_s


@dataclass(frozen=True, kw_only=True)
class Reign:
    """A platform that is first from one bandwidth to another, in Mbit/s."""

    platform: str
    low: float
    high: float


def candidates(samples: pd.DataFrame) -> dict[str, list[Candidate]]:
    """Give by app the platforms that have both a valid start and a compressed image."""
    believed = valid(samples[samples["metric"].isin(_metrics(samples))])
    starts = believed[believed["metric"] == STARTUP]
    means = starts.groupby(["platform", "deployment"], sort=False)["value"].mean()
    by_platform = {name: tuple(group) for name, group in means.groupby("platform", sort=False)}
    plain = starts[(starts["technology"] == "linux") & (starts["hypervisor"] == "native")][
        "platform"
    ]
    found: dict[str, list[Candidate]] = {}
    for (service, platform), size in _sizes(believed).items():
        if platform in by_platform:
            candidate = Candidate(
                service=service,
                platform=platform,
                isolates=platform not in set(plain),
                starts_s=by_platform[platform],
                image_mib=size,
            )
            found.setdefault(service, []).append(candidate)
    return found


def _metrics(samples: pd.DataFrame) -> set[str]:
    return {STARTUP, *_services(samples)}


def _services(samples: pd.DataFrame) -> dict[str, str]:
    """Map the metrics of compressed images to their apps."""
    found = {name: re.match(SIZE, name) for name in samples["metric"].unique()}
    return {name: match["service"] for name, match in found.items() if match}


def _sizes(believed: pd.DataFrame) -> dict[tuple[str, str], float]:
    services = believed["metric"].map(_services(believed))
    sizes = believed.assign(service=services).dropna(subset=["service"])
    means = sizes.groupby(["service", "platform"], sort=False)["value"].mean()
    return dict(zip(means.index, means, strict=True))


def provisioning(samples: pd.DataFrame) -> pd.DataFrame:
    """Give where each pair of platforms crosses, into a frame of COLUMNS.

    At less than `bandwidth_mbit_s` (95 % interval `ci_low` to `ci_high`, which may be infinite)
    `first_below` is the sooner one of the two, at more `first_above`. `changes_the_winner` tells
    whether these two are then the first ones of `reigns`.
    """
    rows = [
        _crossing(*pair, reigns(group))
        for group in candidates(samples).values()
        for pair in combinations(group, 2)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def reigns(group: Sequence[Candidate]) -> list[Reign]:
    """Give who is first at which bandwidths, of those that isolate if several do.

    The slowest links come first.
    """
    isolating = [one for one in group if one.isolates]
    group = isolating if len(isolating) > 1 else group
    meetings = (_meeting_mbit_s(*_sooner_first(a, b)) for a, b in combinations(group, 2))
    edges = [0.0, *sorted(meeting for meeting in meetings if math.isfinite(meeting)), math.inf]
    found: list[Reign] = []
    for low, high in pairwise(edges):
        first = _first(group, low, high).platform
        if found and found[-1].platform == first:
            low = found.pop().low  # noqa: PLW2901 - it goes on
        found.append(Reign(platform=first, low=low, high=high))
    return found


def _first(group: Sequence[Candidate], low: float, high: float) -> Candidate:
    """Give who is first between two neighbouring edges."""
    if low == 0.0:
        inside = high / 2 if math.isfinite(high) else 1.0
    else:
        inside = math.sqrt(low * high) if math.isfinite(high) else 2 * low
    return min(group, key=lambda one: float(one.time_s(inside)))


def _sooner_first(a: Candidate, b: Candidate) -> tuple[Candidate, Candidate]:
    return (a, b) if (a.start_s, a.image_mib) <= (b.start_s, b.image_mib) else (b, a)


def _meeting_mbit_s(sooner: Candidate, other: Candidate) -> float:
    surplus = sooner.image_mbit - other.image_mbit
    later_s = other.start_s - sooner.start_s
    return surplus / later_s if surplus > 0 and later_s > 0 else math.nan


def _crossing(a: Candidate, b: Candidate, who_is_first: Sequence[Reign]) -> dict[str, Any]:
    sooner, other = _sooner_first(a, b)
    meeting = _meeting_mbit_s(sooner, other)
    names = {"service": a.service, "first_above": sooner.platform, "changes_the_winner": False}
    if math.isnan(meeting):
        return names | {"first_below": sooner.platform, "note": _never(sooner, other)}
    changing = {(below.platform, above.platform) for below, above in pairwise(who_is_first)}
    low, high = _interval(sooner, other)
    return names | {
        "first_below": other.platform,
        "bandwidth_mbit_s": meeting,
        "ci_low": low,
        "ci_high": high,
        "changes_the_winner": (other.platform, sooner.platform) in changing,
        "note": "" if math.isfinite(low) else "a single deployment: no interval",
    }


def _never(sooner: Candidate, other: Candidate) -> str:
    return (
        f"{sooner.platform} starts no later than {other.platform}, and its image is no larger: "
        "first at any bandwidth"
    )


def _interval(sooner: Candidate, other: Candidate) -> tuple[float, float]:
    surplus = sooner.image_mbit - other.image_mbit
    low_s, high_s = _later_s(sooner, other)
    return surplus / high_s, surplus / low_s if not low_s <= 0 else math.inf


def _later_s(sooner: Candidate, other: Candidate) -> tuple[float, float]:
    """Give the interval of how much later the other one starts; NaN for single deployments."""
    if min(len(sooner.starts_s), len(other.starts_s)) < 2:  # noqa: PLR2004 - one has no spread
        return math.nan, math.nan
    test = scipy.stats.ttest_ind(other.starts_s, sooner.starts_s, equal_var=False)
    interval = test.confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def not_told_from(one: Candidate, group: Sequence[Candidate]) -> tuple[str, ...]:
    """Name those with an image of the same size whose start is not shown to be another."""
    alike = (
        other
        for other in group
        if other is not one
        and other.isolates == one.isolates
        and math.isclose(other.image_mib, one.image_mib, rel_tol=SAME_SIZE)
    )
    return tuple(other.platform for other in alike if not _later_s(one, other)[0] > 0)
