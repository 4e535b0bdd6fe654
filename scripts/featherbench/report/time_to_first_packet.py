# SPDX-License-Identifier: Apache-2.0
"""Which platform suits on-demand provisioning, by the bandwidth of the link, in sentences."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from featherbench.report.tables import Kind, number_of, table, text_of
from featherbench.statistics.time_to_first_packet import (
    contenders,
    crossing_bandwidths,
    fastest_by_bandwidth,
    not_slower,
)
from featherbench.wording.formatting import number
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from featherbench.records.metric import Metric
    from featherbench.report.tables import Shown, Table
    from featherbench.statistics.time_to_first_packet import Contender

    Intervals = Mapping[tuple[str, str, str], tuple[float, float]]

CROSSINGS: Shown = {
    "image": (Kind.NAME, text_of("service")),
    "first on slower links": (Kind.NAME, text_of("first_below")),
    "first on faster links": (Kind.NAME, text_of("first_above")),
    "they cross at, Mbit/s": (Kind.NUMBER, number_of("bandwidth_mbit_s")),
    "95 % interval from": (Kind.NUMBER, number_of("ci_low")),
    "to": (Kind.NUMBER, number_of("ci_high")),
    "remark": (Kind.PROSE, text_of("note")),
}


def crossings(samples: pd.DataFrame, metrics: Sequence[Metric]) -> Sequence[Table]:
    """Give the one table of the crossings, if there are two platforms to cross."""
    found = crossing_bandwidths(samples, metrics) if not samples.empty else samples
    return () if found.empty else (table(found, CROSSINGS, "Time to first packet: crossings"),)


def sentences(samples: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Say for each image who is first at which bandwidths; nothing where there are no two."""
    if samples.empty:
        return ()
    intervals = {
        (row["service"], row["first_below"], row["first_above"]): (row["ci_low"], row["ci_high"])
        for row in rows(crossing_bandwidths(samples, metrics))
    }
    return tuple(
        f"{service} image: {', '.join(_reigning(group, intervals))}{_left_out(group)}"
        for service, group in contenders(samples, metrics).items()
        if len(group) > 1
    )


def _reigning(group: Sequence[Contender], intervals: Intervals) -> Iterator[str]:
    service, found = group[0].service, fastest_by_bandwidth(group)
    first = f"{_with_its_like(found[0].platform, group)} is first"
    if len(found) == 1:
        yield f"{first} at any bandwidth"
        return
    yield f"{first} on the slowest links"
    for below, above in pairwise(found):
        low, high = intervals[service, below.platform, above.platform]
        where = f"from {number(above.low)} Mbit/s on{_bounds(low, high)}"
        yield f"{where} {_with_its_like(above.platform, group)}"


def _with_its_like(platform: str, group: Sequence[Contender]) -> str:
    own = next(one for one in group if one.platform == platform)
    like = not_slower(own, group)
    return f"{platform} (not told from {' and '.join(like)})" if like else platform


def _bounds(low: float, high: float) -> str:
    if not math.isfinite(low):
        return ""
    upper = f"to {number(high)}" if math.isfinite(high) else "without upper bound"
    return f" (95 % interval {number(low)} {upper})"


def _left_out(group: Sequence[Contender]) -> str:
    plain = [one.platform for one in group if not one.isolates]
    isolating = len(group) - len(plain)
    return f"; not counting {plain[0]}, which does not isolate" if plain and isolating > 1 else ""
