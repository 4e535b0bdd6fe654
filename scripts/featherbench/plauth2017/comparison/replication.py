# SPDX-License-Identifier: Apache-2.0
"""The replication of the paper: ratios and orders of all pairs of platforms that a run shares.

Machines, kernels and versions differ, so that values are not compared: a replication may agree on
the ratio of two platforms, and on their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from featherbench.plauth2017.claims.rules import ALIKE
from featherbench.plauth2017.comparison import pair_ratios
from featherbench.plauth2017.comparison.matched_cells import CELL, matched_cells, with_our_names
from featherbench.plauth2017.comparison.name_mapping import papers_name
from featherbench.plauth2017.data.experiment import PLATFORMS
from featherbench.statistics.data.samples import is_emulated
from featherbench.statistics.replication import (
    FIGURES,
    OTHERS,
    PAIR,
    Agreement,
    replication_verdicts,
)

if TYPE_CHECKING:
    from featherbench.records.plan import Plan

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


def compare(
    plan: Plan,
    samples: pd.DataFrame,
    summary: pd.DataFrame,
    ratios: pd.DataFrame,
    published: pd.DataFrame,
) -> pd.DataFrame:
    """Compare a run with the published summary; return a frame of COLUMNS.

    One row for each metric, concurrency and pair of platforms that both have, without emulated
    platforms:

    - `ratio` is `platform` divided by `against` in this run (see `pair_ratios.measured`),
      `papers_ratio` the same in the published data (see `pair_ratios.published`). `quotient`,
      `size` and `order` say whether they agree, within `margin` (see `statistics.replication`).
    - `papers_platform` and `papers_against` are the paper's own names of the two.
    - `rank` is 1 for the smallest mean among the platforms that both have at that concurrency.
    - `n_suspect` is the number of suspect windows of the pair.

    Then one row for everything that cannot be compared, with the `reason`; an empty metric,
    concurrency or platform stands for all.
    """
    main = summary[~is_emulated(summary) & summary["primary"].astype(bool)]
    cells, gaps = matched_cells(plan, main, published)
    order = _order(plan, set(cells["platform"]))
    judged = replication_verdicts(
        pair_ratios.measured(
            samples.merge(cells[CELL]), ratios[~is_emulated(ratios)], order, MARGIN
        ),
        pair_ratios.published(with_our_names(plan, published).merge(cells[CELL]), order),
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
    return table.astype({"concurrency": "Int64"})


def _order(plan: Plan, platforms: set[str]) -> list[str]:
    """Return the baseline, then the others in the order of the paper."""
    ours = {papers_name(one): one.name for one in plan.platforms}
    ordered = [ours[name] for name in PLATFORMS if ours.get(name) in platforms]
    return sorted(ordered, key=lambda name: name != plan.baseline)


def _ranked(judged: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    levels = cells.groupby(["metric", "concurrency"])
    ranks = cells[CELL].assign(
        rank=levels["mean"].rank(),
        n_suspect=cells["n_suspect"],
        papers_rank=levels["papers_mean"].rank(),
        papers_n_suspect=cells["papers_n_suspect"],
    )
    against = ranks.rename(columns={"platform": "against"})
    both = judged.merge(ranks, on=CELL).merge(
        against, on=["metric", "concurrency", "against"], suffixes=("", "_against")
    )
    suspects = [f"{side}n_suspect" for side in ("", OTHERS)]
    return both.assign(**{name: both[name] + both[f"{name}_against"] for name in suspects})
