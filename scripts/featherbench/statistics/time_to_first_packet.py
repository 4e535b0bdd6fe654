# SPDX-License-Identifier: Apache-2.0
"""The time until a service answers on a machine without its image, by the bandwidth of the link.

It is the time of the start plus that of the transfer: the compressed image over the bandwidth. Of
two platforms, the one with the smaller image is faster on slow links, and the one that starts
sooner on fast links. They cross where the surplus of the image takes as long as that of the start.
The interval of that bandwidth follows from Welch's interval of the difference of the starts, over
deployments.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy

from featherbench.records.cell import Metric
from featherbench.statistics.conventions import CONFIDENCE
from featherbench.statistics.data.samples import declared, valid

SAME_SIZE = 1e-3
"""Relative difference of images that count as of one size."""
MBIT_PER_MIB = 8 * 1.048576
STARTUP, IMAGE_SIZE = "startup", "image_size"
"""Aspects of the metrics."""
COMPRESSED = "compressed"
"""The statistic of the metric of the image that is sent."""
COLUMNS = [
    *("service", "first_below", "first_above", "bandwidth_mbit_s", "ci_low", "ci_high"),
    *("changes_the_winner", "note"),
]


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A platform for one service: seconds of its start, one a deployment, and the image to be sent.

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
        """Return the time to the first packet at a bandwidth, or at several."""
        return self.start_s + self.image_mbit / bandwidth_mbit_s


class FastestRange(NamedTuple):
    """The bandwidths, in Mbit/s, between which a platform is the fastest."""

    platform: str
    low: float
    high: float


def contenders(samples: pd.DataFrame, metrics: Iterable[Metric]) -> dict[str, list[Contender]]:
    """Return by service the platforms that have both a valid start and a compressed image."""
    known, good = declared(samples, metrics), valid(samples)
    startup = [name for name, metric in known.items() if metric.aspect == STARTUP]
    services = {
        name: metric.service
        for name, metric in known.items()
        if metric.aspect == IMAGE_SIZE and metric.statistic == COMPRESSED
    }
    starts, sizes = (good[good["metric"].isin(list(names))] for names in (startup, services))
    means_s = starts.groupby(["platform", "deployment"], sort=False)["value"].mean()
    starts_s = {name: tuple(group) for name, group in means_s.groupby("platform", sort=False)}
    is_plain = (starts["technology"] == "linux") & (starts["hypervisor"] == "native")
    plain = set(starts.loc[is_plain, "platform"])
    sizes = sizes.assign(service=sizes["metric"].map(services))
    sizes_mib = sizes.groupby(["service", "platform"], sort=False)["value"].mean()
    by_service: dict[str, list[Contender]] = {}
    for (service, platform), size_mib in zip(sizes_mib.index, sizes_mib, strict=True):
        if platform in starts_s:
            contender = Contender(
                service=service,
                platform=platform,
                isolates=platform not in plain,
                starts_s=starts_s[platform],
                image_mib=size_mib,
            )
            by_service.setdefault(service, []).append(contender)
    return by_service


def crossing_bandwidths(samples: pd.DataFrame, metrics: Iterable[Metric]) -> pd.DataFrame:
    """Return the bandwidth at which each pair of platforms crosses, in a frame of COLUMNS.

    Below `bandwidth_mbit_s` (95 % interval `ci_low` to `ci_high`, which may be infinite),
    `first_below` is the faster of the two; above, `first_above`. `changes_the_winner` says whether
    these two are then the fastest of all (see `fastest_by_bandwidth`).
    """
    rows = [
        _crossing(*pair, fastest_by_bandwidth(group))
        for group in contenders(samples, metrics).values()
        for pair in combinations(group, 2)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def fastest_by_bandwidth(group: Sequence[Contender]) -> list[FastestRange]:
    """Return which platform is the fastest at which bandwidths, from the slowest link on.

    If several isolate the service, only these compete.
    """
    isolating = [contender for contender in group if contender.isolates]
    group = isolating if len(isolating) > 1 else group
    meetings = (_meeting_mbit_s(*_sooner_first(a, b)) for a, b in combinations(group, 2))
    edges = [0.0, *sorted(meeting for meeting in meetings if math.isfinite(meeting)), math.inf]
    ranges: list[FastestRange] = []
    for low, high in pairwise(edges):
        fastest = _fastest(group, low, high).platform
        if ranges and ranges[-1].platform == fastest:
            low = ranges.pop().low  # noqa: PLW2901 - the range continues
        ranges.append(FastestRange(fastest, low, high))
    return ranges


def _fastest(group: Sequence[Contender], low: float, high: float) -> Contender:
    """Return the fastest between two neighbouring edges."""
    if low == 0.0:
        inside = high / 2 if math.isfinite(high) else 1.0
    else:
        inside = math.sqrt(low * high) if math.isfinite(high) else 2 * low
    return min(group, key=lambda contender: float(contender.time_s(inside)))


def _sooner_first(a: Contender, b: Contender) -> tuple[Contender, Contender]:
    return (a, b) if (a.start_s, a.image_mib) <= (b.start_s, b.image_mib) else (b, a)


def _meeting_mbit_s(sooner: Contender, other: Contender) -> float:
    surplus = sooner.image_mbit - other.image_mbit
    later_s = other.start_s - sooner.start_s
    return surplus / later_s if surplus > 0 and later_s > 0 else math.nan


def _crossing(a: Contender, b: Contender, ranges: Sequence[FastestRange]) -> dict[str, Any]:
    sooner, other = _sooner_first(a, b)
    meeting = _meeting_mbit_s(sooner, other)
    row = {"service": a.service, "first_above": sooner.platform, "changes_the_winner": False}
    if math.isnan(meeting):
        note = (
            f"{sooner.platform} starts no later than {other.platform}, and its image is no larger: "
            "first at any bandwidth"
        )
        return row | {"first_below": sooner.platform, "note": note}
    changing = {(below.platform, above.platform) for below, above in pairwise(ranges)}
    surplus = sooner.image_mbit - other.image_mbit
    low_s, high_s = _later_s(sooner, other)
    return row | {
        "first_below": other.platform,
        "bandwidth_mbit_s": meeting,
        "ci_low": surplus / high_s,
        "ci_high": surplus / low_s if not low_s <= 0 else math.inf,
        "changes_the_winner": (other.platform, sooner.platform) in changing,
        "note": "a single deployment: no interval" if math.isnan(high_s) else "",
    }


def _later_s(sooner: Contender, other: Contender) -> tuple[float, float]:
    """Return the interval of how much later the other starts; NaN for single deployments."""
    if min(len(sooner.starts_s), len(other.starts_s)) < 2:  # noqa: PLR2004 - one has no spread
        return math.nan, math.nan
    test = scipy.stats.ttest_ind(other.starts_s, sooner.starts_s, equal_var=False)
    interval = test.confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def not_slower(contender: Contender, group: Sequence[Contender]) -> tuple[str, ...]:
    """Return the platforms with an image of that size whose start is not significantly later."""
    similar = (
        other
        for other in group
        if other is not contender
        and other.isolates == contender.isolates
        and math.isclose(other.image_mib, contender.image_mib, rel_tol=SAME_SIZE)
    )
    return tuple(other.platform for other in similar if not _later_s(contender, other)[0] > 0)
