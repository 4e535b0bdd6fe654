# SPDX-License-Identifier: Apache-2.0
"""The published results of the paper's tests, compared with those computed from its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.statistics.inference.anova import UNWEIGHTED_TESTS

if TYPE_CHECKING:
    import pandas as pd

UNWEIGHTED = "unweighted means"
PUBLISHED = (("http_throughput", 9, 2970, 3921), ("kv_get_throughput", 7, 7920, 4099))
"""Metric, degrees of freedom, F. The paper gives p < 0.0001 for both."""


@dataclass(frozen=True, kw_only=True)
class FAgreement:
    """One published F for the platforms, and its values by least squares and unweighted means.

    `unweighted` is None if n is equal everywhere, so that both are the same. `few` are the
    platforms with the fewest repetitions, `few_n`; others have up to `many_n`. `few_ratio` is their
    mean divided by the mean of the others, and `common_n` the harmonic mean of n.
    """

    metric: str
    df: int
    df_resid: int
    published: int
    least_squares: float
    unweighted: float | None
    few: tuple[str, ...]
    few_n: int
    many_n: int
    few_ratio: float
    common_n: float

    @property
    def agrees_by(self) -> str:
        """The analysis that gives the published F after rounding; empty if none does."""
        if round(self.least_squares) == self.published:
            return "least squares" if self.unweighted is not None else "either analysis"
        agrees = self.unweighted is not None and round(self.unweighted) == self.published
        return UNWEIGHTED if agrees else ""


def agreements(anova: pd.DataFrame, summary: pd.DataFrame) -> tuple[FAgreement, ...]:
    """Compare every published F with the rows of the effect `platform`."""
    return tuple(
        _agreement(published, anova, summary[summary["metric"] == published[0]])
        for published in PUBLISHED
    )


def _agreement(
    published: tuple[str, int, int, int], anova: pd.DataFrame, cells: pd.DataFrame
) -> FAgreement:
    metric, df, df_resid, value = published
    rows = anova[(anova["metric"] == metric) & (anova["effect"] == "platform")]
    is_unweighted = rows["test"].isin(UNWEIGHTED_TESTS)
    is_few = cells["n"] == cells["n"].min()
    unequal = not is_few.all()
    others = cells[~is_few] if unequal else cells
    return FAgreement(
        metric=metric,
        df=df,
        df_resid=df_resid,
        published=value,
        least_squares=float(rows.loc[~is_unweighted, "F"].iloc[0]),
        unweighted=float(rows.loc[is_unweighted, "F"].iloc[0]) if unequal else None,
        few=tuple(cells.loc[is_few, "platform"].unique()),
        few_n=int(cells["n"].min()),
        many_n=int(cells["n"].max()),
        few_ratio=float(cells.loc[is_few, "mean"].mean() / others["mean"].mean()),
        common_n=len(cells) / float((1 / cells["n"]).sum()),
    )
