# SPDX-License-Identifier: Apache-2.0
"""The platforms of a run compared under the paper's names, by the paired test of its ratios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy

from featherbench.plauth2017.claims.pairwise import (
    OVER_ALL,
    SIGNIFICANT,
    Contrast,
    Contrasts,
    Terms,
)
from featherbench.plauth2017.comparison import pair_ratios
from featherbench.statistics.data.blocks import CELL, deployment_means
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE = 0.95
EVERY = 0
"""Stands in the column of the level for all of them together."""
HOLM = "paired t, or signed ranks, of the log ratios of deployments; Holm over all pairs"


def terms(margin: float) -> Terms:
    """Say how a run's platforms are compared, where so much counts as no difference."""
    within = f"{100 * margin:g} %"
    return Terms(
        every_level=f"{HOLM} and levels",
        over_all=f"{HOLM}, of geometric means over all levels",
        one_level=HOLM,
        interval="the ratio’s own 95 % interval",  # noqa: RUF001 - an apostrophe
        very=SIGNIFICANT,
        not_different=f"surely within {within}, p < {SIGNIFICANT}",
        not_below=f"lower by less than {within} in the whole 95 % interval",
        not_ahead=f"ahead by less than {within} in the whole 95 % interval",
    )


class Paired(Contrasts):
    """All comparisons of a run. Samples and ratios have the paper's names already."""

    def __init__(self, samples: pd.DataFrame, ratios: pd.DataFrame, margin: float) -> None:
        self.terms, self._margin = terms(margin), margin
        self._units = dict(zip(samples["metric"], samples["unit"], strict=True))
        order = list(dict.fromkeys(samples["platform"]))
        whole = over_levels(samples)
        self._pairs = {
            (row["metric"], row["platform"], row["against"], int(row["concurrency"])): row
            for own, known in ((samples, ratios), (whole, ratios[:0]))
            for row in rows(pair_ratios.measured(own, known, order, margin))
        }
        means = deployment_means(pd.concat([samples, whole]))
        self._means = {
            _place(key): frame.set_index("deployment")["mean"] for key, frame in means.groupby(CELL)
        }
        suspect = samples[samples["verdict"] == "suspect"]
        self._suspect = {_place(key): n for key, n in suspect.groupby(CELL).size().items()}

    def levels(self, metric: str) -> tuple[int, ...]:
        """Give the levels of a metric, ascending."""
        found = {level for of, level, _ in self._means if of == metric}
        return tuple(sorted(found - {EVERY}))

    def platforms(self, metric: str) -> tuple[str, ...]:
        """Give the platforms of a metric."""
        return tuple(dict.fromkeys(name for of, _, name in self._means if of == metric))

    def doubts(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Give the levels at which windows of a platform are suspect."""
        found = [level for of, level, name in self._suspect if (of, name) == (metric, platform)]
        return {"suspect windows": sorted(found)} if found else {}

    def suspect(self, one: Contrast) -> int:
        """Count the suspect windows behind a comparison."""
        levels = self.levels(one.metric) if one.level is None else (one.level,)
        places = ((one.metric, level, name) for level in levels for name in (one.a, one.b))
        return sum(self._suspect.get(place, 0) for place in places)

    def contrast(self, metric: str, a: str, b: str, level: int | None = 1) -> Contrast | None:
        """Compare a with b; None where the run lacks one of them at that level."""
        at = EVERY if level is OVER_ALL else level
        row = self._row(metric, a, b, at)
        if row is None or not math.isfinite(row["ratio"]):
            return None
        one, other = (self._means[metric, at, name] for name in (a, b))
        low, high = _interval((one - other).dropna())
        return Contrast(
            metric=metric,
            unit=self._units[metric],
            a=a,
            b=b,
            level=level if len(self.levels(metric)) > 1 else None,
            mean_a=float(one.mean()),
            mean_b=float(other.mean()),
            difference=float((one - other).mean()),
            low=low,
            high=high,
            p=row["p_adj"],
            ratio=row["ratio"],
            ratio_low=row["ci_low"],
            ratio_high=row["ci_high"],
            margin=self._margin,
            p_same=row[pair_ratios.SAME],
        )

    def _row(self, metric: str, a: str, b: str, level: int) -> Mapping[str, Any] | None:
        if (metric, a, b, level) in self._pairs:
            return self._pairs[metric, a, b, level]
        found = self._pairs.get((metric, b, a, level))
        return None if found is None else found | _turned(found)


def _place(key: Any) -> tuple[str, int, str]:  # noqa: ANN401 - whatever CELL groups by
    metric, level, platform = key
    return str(metric), int(level), str(platform)


def _turned(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        "ratio": 1 / row["ratio"],
        "ci_low": 1 / row["ci_high"],
        "ci_high": 1 / row["ci_low"],
    }


def _interval(differences: pd.Series[float]) -> tuple[float, float]:
    """Give the paired t interval of the mean difference; NaN where nothing varies."""
    n, sd = len(differences), differences.std()
    if not sd > 0:
        return math.nan, math.nan
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * sd / math.sqrt(n)
    return float(differences.mean() - half), float(differences.mean() + half)


def over_levels(samples: pd.DataFrame) -> pd.DataFrame:
    """Give samples at the level EVERY: of each deployment its geometric mean over all levels.

    A metric of one level has none, nor has a deployment that lacks a level.
    """
    means = deployment_means(samples)
    many = means.groupby("metric")["concurrency"].transform("nunique")
    swept = means[(many > 1) & (means["mean"] > 0)].assign(asked=many)
    grouped = swept.assign(log=np.log(swept["mean"])).groupby(
        ["metric", "platform", "deployment"], sort=False
    )
    found = grouped.agg(n=("log", "size"), asked=("asked", "first"), log=("log", "mean"))
    whole = found[found["n"] == found["asked"]].reset_index()
    return whole.assign(
        value=np.exp(whole["log"]), concurrency=EVERY, window=1, verdict="ok", primary=True
    ).drop(columns=["n", "asked", "log"])
