# SPDX-License-Identifier: Apache-2.0
"""The ratio of every pair of platforms: in a run, and in the published data.

Both are frames of the columns that `statistics.replication` takes. `against` comes before
`platform` in the given order. p is adjusted (Holm).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd
import scipy

from featherbench.statistics.conventions import holm
from featherbench.statistics.data.replicates import deployment_means
from featherbench.statistics.inference.ratios import ratio_interval, unadjusted_ratios
from featherbench.statistics.replication import COLUMNS, PAIR
from featherbench.wording.formatting import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

P_EQUIVALENCE = "p_equivalence_adj"


def measured(
    samples: pd.DataFrame, ratios: pd.DataFrame, order: Sequence[str], margin: float
) -> pd.DataFrame:
    """Compare the platforms of a run by the paired test of its ratios.

    Ratios to the baseline are taken from the table `ratios`, so that the decisions are the same as
    there. For the other pairs, all pairs and levels of a metric are one family. The last column,
    P_EQUIVALENCE, tests equivalence within the margin.
    """
    columns = [*COLUMNS, P_EQUIVALENCE]
    means = deployment_means(samples[samples["platform"].isin(order)])
    parts = [
        unadjusted_ratios(means[means["platform"].isin(order[place:])], against, margin).assign(
            against=against
        )
        for place, against in enumerate(order[:-1])
    ]
    to_baseline = ratios.rename(columns={"baseline": "against"})
    to_baseline = to_baseline[to_baseline["platform"].isin(order)]
    others = _without(pd.concat(parts, ignore_index=True), to_baseline) if parts else pd.DataFrame()
    if others.empty:
        return to_baseline.reindex(columns=columns)
    others = others.assign(
        p_adj=holm(others["p"], others["metric"]),
        **{P_EQUIVALENCE: holm(others["p_equivalence"], others["metric"])},
    )
    return pd.concat([to_baseline[columns], others[columns]], ignore_index=True)


def _without(pairs: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    keys = set(known[PAIR].itertuples(index=False, name=None))
    is_new = [row not in keys for row in pairs[PAIR].itertuples(index=False, name=None)]
    return pairs[is_new].reset_index(drop=True)


def published(summary: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Compare the means of a summary with independent repetitions, with Fieller's interval.

    p is that of Welch's t-test; all pairs and levels of a metric are one family.
    """
    known = summary[(summary["mean"] > 0) & summary["platform"].isin(order)]
    by_rank = known.sort_values("platform", key=lambda names: names.map(list(order).index))
    pairs = [
        {"metric": metric, "concurrency": level} | _compared(against, cell)
        for (metric, level), cells in by_rank.groupby(["metric", "concurrency"], sort=False)
        for against, cell in combinations(rows(cells), 2)
    ]
    table = pd.DataFrame(pairs, columns=[*COLUMNS[:-1], "p"]).astype({"p": float})
    return table.assign(p_adj=holm(table["p"], table["metric"]))[COLUMNS]


def _compared(against: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
    low, high = ratio_interval(
        cell["mean"],
        against["mean"],
        reach=cell["mean"] - cell["ci_low"],
        base_reach=against["mean"] - against["ci_low"],
    )
    return {
        "platform": cell["platform"],
        "against": against["platform"],
        "ratio": cell["mean"] / against["mean"],
        "ci_low": low,
        "ci_high": high,
        "p": _welch_p(cell, against),
    }


def _welch_p(cell: dict[str, Any], other: dict[str, Any]) -> float:
    if not (cell["sd"] > 0 or other["sd"] > 0):
        return float("nan")
    a, b = ((side["mean"], side["sd"], side["n"]) for side in (cell, other))
    return float(scipy.stats.ttest_ind_from_stats(*a, *b, False).pvalue)  # noqa: FBT003 - Welch
