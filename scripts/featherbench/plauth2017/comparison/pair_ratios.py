# SPDX-License-Identifier: Apache-2.0
"""Every pair of platforms, by ratio: of a run of ours, and of the published data.

Both are frames of the columns that `statistics.agreement` takes. `platform` stands later in the
order that is given than `against`: the one to compare with comes first. p is adjusted after Holm.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd
import scipy

from featherbench.statistics.data.blocks import deployment_means
from featherbench.statistics.inference.fieller import ratio_interval
from featherbench.statistics.inference.holm import holm
from featherbench.statistics.inference.ratios import unadjusted_ratios
from featherbench.statistics.replication import COLUMNS, PAIR
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

SAME = "p_same"


def measured(
    samples: pd.DataFrame, ratios: pd.DataFrame, order: Sequence[str], margin: float
) -> pd.DataFrame:
    """Compare the platforms of a run by the paired test that its ratios rest on.

    Those to the baseline are taken from the table `ratios`, so that they are told apart here where
    they are there; for the others, all pairs and levels of a metric are one family. `p_same`, after
    the columns of both, tests that the ratio lies outside the margin.
    """
    means = deployment_means(samples[samples["platform"].isin(order)])
    parts = [
        unadjusted_ratios(means[means["platform"].isin(order[place:])], against, margin).assign(
            against=against
        )
        for place, against in enumerate(order[:-1])
    ]
    known = {"baseline": "against", "p_equivalence_adj": SAME}
    to_baseline = ratios.rename(columns=known)
    to_baseline = to_baseline[to_baseline["platform"].isin(order)]
    own = _without(pd.concat(parts, ignore_index=True), to_baseline) if parts else pd.DataFrame()
    if own.empty:
        return to_baseline.reindex(columns=[*COLUMNS, SAME])
    adjusted = {
        name: holm(own[p], own["metric"]) for name, p in (("p_adj", "p"), (SAME, "p_equivalence"))
    }
    both = [to_baseline, own.assign(**adjusted)]
    return pd.concat([table[[*COLUMNS, SAME]] for table in both], ignore_index=True)


def _without(pairs: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    there = set(others[PAIR].itertuples(index=False, name=None))
    new = [row not in there for row in pairs[PAIR].itertuples(index=False, name=None)]
    return pairs[new].reset_index(drop=True)


def published(summary: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Compare the means of a summary whose repetitions are independent: Fieller's interval.

    p is that of Welch's t test; all pairs and levels of a metric are one family.
    """
    known = summary[(summary["mean"] > 0) & summary["platform"].isin(order)]
    by_rank = known.sort_values("platform", key=lambda names: names.map(list(order).index))
    found = [
        {"metric": metric, "concurrency": level} | _compared(against, one)
        for (metric, level), cells in by_rank.groupby(["metric", "concurrency"], sort=False)
        for against, one in combinations(rows(cells), 2)
    ]
    table = pd.DataFrame(found, columns=[*COLUMNS[:-1], "p"]).astype({"p": float})
    return table.assign(p_adj=holm(table["p"], table["metric"]))[COLUMNS]


def _compared(against: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    low, high = ratio_interval(
        one["mean"],
        against["mean"],
        reach=one["mean"] - one["ci_low"],
        base_reach=against["mean"] - against["ci_low"],
    )
    return {
        "platform": one["platform"],
        "against": against["platform"],
        "ratio": one["mean"] / against["mean"],
        "ci_low": low,
        "ci_high": high,
        "p": _welch_p(one, against),
    }


def _welch_p(one: dict[str, Any], other: dict[str, Any]) -> float:
    if not (one["sd"] > 0 or other["sd"] > 0):
        return float("nan")
    a, b = ((side["mean"], side["sd"], side["n"]) for side in (one, other))
    return float(scipy.stats.ttest_ind_from_stats(*a, *b, False).pvalue)  # noqa: FBT003 - Welch's
