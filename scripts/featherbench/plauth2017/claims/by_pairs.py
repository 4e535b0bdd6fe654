# SPDX-License-Identifier: Apache-2.0
"""Platforms of a run, under the paper's names, compared by the paired test of its ratios."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from featherbench.plauth2017.claims.pairwise import ALL_LEVELS, OVER_ALL, Contrast, Contrasts
from featherbench.plauth2017.comparison.replication import P_EQUIVALENCE, measured_ratios
from featherbench.statistics.conventions import SIGNIFICANT_P
from featherbench.statistics.data.replicates import CELL, deployment_means
from featherbench.statistics.summary import half_width
from featherbench.wording.formatting import rows

HOLM = "paired t, or signed ranks, of log ratios of deployments; Holm over all pairs"


def terms(margin: float) -> dict[str, str]:
    """Return the tests of a run with an equivalence margin, in words."""
    within = f"{100 * margin:g} %"
    return {
        "every_level": f"{HOLM} and levels",
        "over_all": f"{HOLM}, of geometric means over all levels",
        "one_level": HOLM,
        "interval": "the 95 % interval of the ratio",
        "not_different": f"equivalent within {within}, p < {SIGNIFICANT_P}",
        "not_below": f"lower by less than {within} in the whole 95 % interval",
        "not_ahead": f"ahead by less than {within} in the whole 95 % interval",
    }


class ByPairs(Contrasts):
    """All comparisons of a run. Samples and ratios already have the paper's names."""

    very = SIGNIFICANT_P

    def __init__(self, samples: pd.DataFrame, ratios: pd.DataFrame, margin: float) -> None:
        self.terms, self._margin = terms(margin), margin
        self._units = dict(zip(samples["metric"], samples["unit"], strict=True))
        order = list(dict.fromkeys(samples["platform"]))
        of_all_levels = over_levels(samples)
        self._pairs = {
            (row["metric"], row["platform"], row["against"], int(row["level"])): row
            for table, known in ((samples, ratios), (of_all_levels, ratios[:0]))
            for row in rows(measured_ratios(table, known, order, margin))
        }
        means = deployment_means(pd.concat([samples, of_all_levels]))
        self._means = {
            _key(key): frame.set_index("deployment")["mean"] for key, frame in means.groupby(CELL)
        }
        self.cells = self._means.keys()
        suspect = samples[samples["verdict"] == "suspect"]
        self._suspect = {_key(key): n for key, n in suspect.groupby(CELL).size().items()}

    def quality_issues(self, metric: str, platform: str) -> dict[str, list[int]]:
        """Return the levels at which windows of a platform are suspect."""
        levels = [level for measured, level, name in self._suspect
                  if (measured, name) == (metric, platform)]  # fmt: skip
        return {"suspect windows": sorted(levels)} if levels else {}

    def suspect(self, contrast: Contrast) -> int:
        """Return the number of suspect windows behind a comparison."""
        levels = self.levels(contrast.metric) if contrast.level is None else (contrast.level,)
        keys = (
            (contrast.metric, level, name) for level in levels for name in (contrast.a, contrast.b)
        )
        return sum(self._suspect.get(key, 0) for key in keys)

    def compared(self, metric: str, a: str, b: str, level: int | None) -> dict[str, Any]:
        """Return what a contrast has of the run; empty if it lacks a or b at that level."""
        at = ALL_LEVELS if level is OVER_ALL else level
        row = self._row(metric, a, b, at)
        if row is None or not math.isfinite(row["ratio"]):
            return {}
        means_a, means_b = (self._means[metric, at, name] for name in (a, b))
        differences = (means_a - means_b).dropna()
        difference, sd = differences.mean(), differences.std()
        half = half_width(sd, len(differences)) if sd > 0 else math.nan
        return {
            "unit": self._units[metric],
            "mean_a": float(means_a.mean()),
            "mean_b": float(means_b.mean()),
            "difference": float(difference),
            "low": float(difference - half),
            "high": float(difference + half),
            "p": row["p_adj"],
            "ratio": row["ratio"],
            "ratio_low": row["ci_low"],
            "ratio_high": row["ci_high"],
            "margin": self._margin,
            "p_equivalence": row[P_EQUIVALENCE],
        }

    def _row(self, metric: str, a: str, b: str, level: int) -> Mapping[str, Any] | None:
        if (metric, a, b, level) in self._pairs:
            return self._pairs[metric, a, b, level]
        row = self._pairs.get((metric, b, a, level))
        if row is None:
            return None
        inverted = {"ratio": "ratio", "ci_low": "ci_high", "ci_high": "ci_low"}
        return row | {name: 1 / row[other] for name, other in inverted.items()}


def _key(key: Any) -> tuple[str, int, str]:  # noqa: ANN401 - a group key of CELL
    metric, level, platform = key
    return str(metric), int(level), str(platform)


def over_levels(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the geometric mean over all levels of each deployment, at the level ALL_LEVELS.

    Metrics with one level, and deployments that lack a level, are left out.
    """
    means = deployment_means(samples)
    n_levels = means.groupby("metric")["level"].transform("nunique")
    swept = means[(n_levels > 1) & (means["mean"] > 0)].assign(n_levels=n_levels)
    grouped = swept.assign(log=np.log(swept["mean"])).groupby(
        ["metric", "platform", "deployment"], sort=False
    )
    table = grouped.agg(n=("log", "size"), n_levels=("n_levels", "first"), log=("log", "mean"))
    complete = table[table["n"] == table["n_levels"]].reset_index()
    return complete.assign(
        value=np.exp(complete["log"]), level=ALL_LEVELS, window=1, verdict="ok", primary=True
    ).drop(columns=["n", "n_levels", "log"])
