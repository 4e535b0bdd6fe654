# SPDX-License-Identifier: Apache-2.0
"""Which platform is first if its image must be sent over a link, by the link's bandwidth."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from featherbench.statistics.time_to_first_packet import (
    contenders,
    crossing_bandwidths,
    fastest_by_bandwidth,
    not_slower,
)
from featherbench.wording.formatting import number, rows
from featherbench.wording.phrases import in_brackets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from featherbench.records.metric import Metric
    from featherbench.statistics.time_to_first_packet import Contender

    Intervals = Mapping[tuple[str, str, str], tuple[float, float]]


def sentences(samples: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Return for each image which platform is first at which bandwidths, if there are several."""
    if samples.empty:
        return ()
    intervals = {
        (row["service"], row["first_below"], row["first_above"]): (row["ci_low"], row["ci_high"])
        for row in rows(crossing_bandwidths(samples, metrics))
    }
    return tuple(
        f"{service} image: {', '.join(_ranges(platforms, intervals))}{_left_out(platforms)}"
        for service, platforms in contenders(samples, metrics).items()
        if len(platforms) > 1
    )


def _ranges(platforms: Sequence[Contender], intervals: Intervals) -> Iterator[str]:
    service, ranges = platforms[0].service, fastest_by_bandwidth(platforms)
    first = f"{_with_equals(ranges[0].platform, platforms)} is first"
    if len(ranges) == 1:
        yield f"{first} at any bandwidth"
        return
    yield f"{first} on the slowest links"
    for below, above in pairwise(ranges):
        bounds = in_brackets(*intervals[service, below.platform, above.platform], number)
        platform = _with_equals(above.platform, platforms)
        yield f"from {number(above.low)} Mbit/s on{bounds} it is {platform}"


def _with_equals(platform: str, platforms: Sequence[Contender]) -> str:
    candidate = next(one for one in platforms if one.platform == platform)
    equals = not_slower(candidate, platforms)
    return f"{platform} (inconclusive against {' and '.join(equals)})" if equals else platform


def _left_out(platforms: Sequence[Contender]) -> str:
    plain = [one.platform for one in platforms if not one.isolates]
    isolating = len(platforms) - len(plain)
    return f"; without {plain[0]}, which does not isolate" if plain and isolating > 1 else ""
