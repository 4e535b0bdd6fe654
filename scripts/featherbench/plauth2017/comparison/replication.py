# SPDX-License-Identifier: Apache-2.0
"""The replication of the paper: ratios and orders of all pairs of platforms that a run shares.

Machines, kernels and versions differ, so that values are not compared: a replication may agree on
the ratio of two platforms, and on their order. Ratios are frames of the columns that
`statistics.replication` takes; `against` comes before `platform` in the given order.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pandas as pd
import scipy

from featherbench.plauth2017.claims.rules import ALIKE
from featherbench.plauth2017.comparison.matched_cells import (
    CELL,
    matched_cells,
    papers_name,
    with_our_names,
)
from featherbench.plauth2017.data.experiment import PLATFORMS
from featherbench.records.plan import Plan
from featherbench.statistics.conventions import holm
from featherbench.statistics.data.replicates import deployment_means
from featherbench.statistics.data.samples import is_emulated
from featherbench.statistics.inference.ratios import ratio_interval, unadjusted_ratios
from featherbench.statistics.replication import COLUMNS as RATIO_COLUMNS
from featherbench.statistics.replication import (
    FIGURES,
    OTHERS,
    PAIR,
    Agreement,
    replication_verdicts,
)
from featherbench.wording.formatting import rows

OF_EACH = ["rank", "rank_against", "n_suspect"]
COLUMNS = [
    *PAIR,
    *FIGURES,
    *OF_EACH,
    *("papers_platform", "papers_against"),
    *(OTHERS + name for name in (*FIGURES, *OF_EACH)),
    *("quotient", "quotient_low", "quotient_high", "margin"),
    *("size", "order", "reason"),
]
MARGIN = ALIKE - 1
P_EQUIVALENCE = "p_equivalence_adj"


def compare(
    plan: Plan,
    samples: pd.DataFrame,
    summary: pd.DataFrame,
    ratios: pd.DataFrame,
    published: pd.DataFrame,
) -> pd.DataFrame:
    """Compare a run with the published summary; return a frame of COLUMNS.

    One row for each metric, level and pair of platforms that both have, without emulated
    platforms:

    - `ratio` is `platform` divided by `against` in this run (see `measured_ratios`),
      `papers_ratio` the same in the published data (see `published_ratios`). `quotient`,
      `size` and `order` say whether they agree, within `margin` (see `statistics.replication`).
    - `papers_platform` and `papers_against` are the paper's own names of the two.
    - `rank` is 1 for the smallest mean among the platforms that both have at that level.
    - `n_suspect` is the number of suspect windows of the pair.

    Then one row for everything that cannot be compared, with the `reason`; an empty metric,
    level or platform stands for all.
    """
    main = summary[~is_emulated(summary) & summary["primary"].astype(bool)]
    cells, gaps = matched_cells(plan, main, published)
    order = _order(plan, set(cells["platform"]))
    judged = replication_verdicts(
        measured_ratios(samples.merge(cells[CELL]), ratios[~is_emulated(ratios)], order, MARGIN),
        published_ratios(with_our_names(plan, published).merge(cells[CELL]), order),
        MARGIN,
    )
    names = {one.name: PLATFORMS.get(papers_name(one)) for one in plan.platforms}
    ranked = _ranked(judged, cells).assign(
        papers_platform=lambda table: table["platform"].map(names),
        papers_against=lambda table: table["against"].map(names),
    )
    not_compared = Agreement.NOT_COMPARED.value
    gaps = gaps.assign(size=not_compared, order=not_compared)
    table = pd.concat([ranked, gaps], ignore_index=True).reindex(columns=COLUMNS)
    return table.astype({"level": "Int64"})


def _order(plan: Plan, platforms: set[str]) -> list[str]:
    """Return the baseline, then the others in the order of the paper."""
    ours = {papers_name(one): one.name for one in plan.platforms}
    ordered = [ours[name] for name in PLATFORMS if ours.get(name) in platforms]
    return sorted(ordered, key=lambda name: name != plan.baseline)


def _ranked(judged: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    levels = cells.groupby(["metric", "level"])
    ranks = cells[CELL].assign(
        rank=levels["mean"].rank(),
        n_suspect=cells["n_suspect"],
        papers_rank=levels["papers_mean"].rank(),
        papers_n_suspect=cells["papers_n_suspect"],
    )
    against = ranks.rename(columns={"platform": "against"})
    both = judged.merge(ranks, on=CELL).merge(
        against, on=["metric", "level", "against"], suffixes=("", "_against")
    )
    suspects = [f"{side}n_suspect" for side in ("", OTHERS)]
    return both.assign(**{name: both[name] + both[f"{name}_against"] for name in suspects})


def measured_ratios(
    samples: pd.DataFrame, ratios: pd.DataFrame, order: Sequence[str], margin: float
) -> pd.DataFrame:
    """Compare the platforms of a run by the paired test of its ratios.

    Ratios to the baseline are taken from the table `ratios`, so that the decisions are the same as
    there. For the other pairs, all pairs and levels of a metric are one family. The last column,
    P_EQUIVALENCE, tests equivalence within the margin.
    """
    columns = [*RATIO_COLUMNS, P_EQUIVALENCE]
    means = deployment_means(samples[samples["platform"].isin(order)])
    parts = [
        unadjusted_ratios(means[means["platform"].isin(order[place:])], against, margin).assign(
            against=against
        )
        for place, against in enumerate(order[:-1])
    ]
    to_baseline = ratios.rename(columns={"baseline": "against"})
    to_baseline = to_baseline[to_baseline["platform"].isin(order)]
    pairs = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PAIR)
    known = pd.MultiIndex.from_frame(to_baseline[PAIR])
    others: pd.DataFrame = pairs[~pd.MultiIndex.from_frame(pairs[PAIR]).isin(known)]
    if others.empty:
        return to_baseline.reindex(columns=columns)
    others = others.assign(
        p_adj=holm(others["p"], others["metric"]),
        **{P_EQUIVALENCE: holm(others["p_equivalence"], others["metric"])},
    )
    return pd.concat([to_baseline[columns], others[columns]], ignore_index=True)


def published_ratios(summary: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Compare the means of a summary with independent repetitions, with Fieller's interval.

    p is that of Welch's t-test; all pairs and levels of a metric are one family.
    """
    known = summary[(summary["mean"] > 0) & summary["platform"].isin(order)]
    by_rank = known.sort_values("platform", key=lambda names: names.map(list(order).index))
    pairs = [
        {"metric": metric, "level": level} | _compared(against, cell)
        for (metric, level), cells in by_rank.groupby(["metric", "level"], sort=False)
        for against, cell in combinations(rows(cells), 2)
    ]
    table = pd.DataFrame(pairs, columns=[*RATIO_COLUMNS[:-1], "p"]).astype({"p": float})
    return table.assign(p_adj=holm(table["p"], table["metric"]))[RATIO_COLUMNS]


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
