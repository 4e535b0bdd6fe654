# SPDX-License-Identifier: Apache-2.0
"""A run's results beside the paper's: ratios and orders of all pairs of platforms that both have.

Machines, kernels and versions are others, so that no figure is compared with its like: what may
agree is how many times as much a platform gives as another, and which of the two gives more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from featherbench.plauth2017.claims.claim import ALIKE
from featherbench.plauth2017.comparison import pair_ratios
from featherbench.plauth2017.comparison.matched_cells import CELL, beside, in_our_words
from featherbench.plauth2017.comparison.name_mapping import PLATFORMS, papers_name
from featherbench.statistics.data.emulation import is_emulated
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
QUOTIENT = ["quotient", "quotient_low", "quotient_high", "margin"]
VERDICTS = ["size", "order", "reason"]
COLUMNS = [
    *PAIR,
    *FIGURES,
    *OF_EACH,
    "papers_platform",
    "papers_against",
    *(OTHERS + name for name in (*FIGURES, *OF_EACH)),
    *QUOTIENT,
    *VERDICTS,
]
MARGIN = ALIKE - 1


def compare(
    plan: Plan,
    samples: pd.DataFrame,
    summary: pd.DataFrame,
    ratios: pd.DataFrame,
    published: pd.DataFrame,
) -> pd.DataFrame:
    """Set a run beside the published summary, into a frame of COLUMNS.

    One row a metric, concurrency and pair of platforms that both have, emulated ones left out:

    - `ratio` is `platform` over `against` in this run, see `pairs.measured`, `papers_ratio` the
      same of the published data, see `pairs.published`; `quotient`, `size` and `order` tell how
      they agree, within `margin`, see `statistics.agreement.replication_verdicts`.
    - `papers_platform` and `papers_against` are the paper's own words for the two.
    - `rank` counts from the least mean among the platforms that both have at that concurrency.
    - `n_suspect` counts suspect windows behind the pair.

    Then one row for whatever cannot be compared, and the `reason`; empty fields stand for all.
    """
    own = summary[~is_emulated(summary) & summary["primary"].astype(bool)]
    cells, found = beside(plan, own, published)
    order = _order(plan, list(cells["platform"]))
    believed = samples.merge(cells[CELL])
    theirs = in_our_words(plan, published).merge(cells[CELL])
    replication_verdictsd = replication_verdicts(
        pair_ratios.measured(believed, ratios[~is_emulated(ratios)], order, MARGIN),
        pair_ratios.published(theirs, order),
        MARGIN,
    )
    told = _named(plan, _ranked(replication_verdictsd, cells))
    not_compared = Agreement.NOT_COMPARED.value
    gaps = found.assign(size=not_compared, order=not_compared)
    whole = pd.concat([told, gaps], ignore_index=True).reindex(columns=COLUMNS)
    return whole.astype({"concurrency": "Int64"})


def _order(plan: Plan, there: list[str]) -> list[str]:
    """Put the baseline first, then the others as the paper has them."""
    known = {papers_name(one): one.name for one in plan.platforms}
    ordered = [known[name] for name in PLATFORMS if known.get(name) in there]
    return sorted(ordered, key=lambda name: name != plan.baseline)


def _ranked(replication_verdictsd: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    places = cells.groupby(["metric", "concurrency"])
    ranks = cells[CELL].assign(
        rank=places["mean"].rank(),
        n_suspect=cells["n_suspect"],
        papers_rank=places["mean_there"].rank(),
        papers_n_suspect=cells["n_suspect_there"],
    )
    against = ranks.rename(columns={"platform": "against"})
    both = replication_verdictsd.merge(ranks, on=CELL).merge(
        against, on=["metric", "concurrency", "against"], suffixes=("", "_against")
    )
    suspects = [f"{side}n_suspect" for side in ("", OTHERS)]
    return both.assign(**{name: both[name] + both[f"{name}_against"] for name in suspects})


def _named(plan: Plan, told: pd.DataFrame) -> pd.DataFrame:
    words = {one.name: PLATFORMS.get(papers_name(one)) for one in plan.platforms}
    return told.assign(
        papers_platform=told["platform"].map(words), papers_against=told["against"].map(words)
    )
