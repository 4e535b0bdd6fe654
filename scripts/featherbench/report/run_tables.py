# SPDX-License-Identifier: Apache-2.0
"""The tables of the analysis of emulated platforms, or of all others, looked up by metric."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from featherbench.report.inputs import Inputs
from featherbench.report.sentences.comparisons import Comparison, Pairs, comparisons, pairs
from featherbench.wording.formatting import rows
from featherbench.wording.phrases import counterpart, label


class RunTables:
    """The tables of one stratum: emulated platforms or all others.

    `main` has the summary's rows of main metrics, those of the baseline included, `valid` those
    with valid windows; `comparisons` are those with the baseline.
    """

    def __init__(self, inputs: Inputs, *, emulated: bool) -> None:
        self.inputs = inputs.only(emulated=emulated)
        self.plan, self.baseline, self.samples = inputs.plan, inputs.baseline, self.inputs.samples
        self.platforms = inputs.platforms(emulated=emulated)
        summary = _with_baseline(
            self["summary"], inputs.tables.get("summary", pd.DataFrame()), self.baseline
        )
        self.main = [] if summary.empty else rows(summary[summary["primary"].astype(bool)])
        self.valid = [row for row in self.main if row["n"] > 0]
        self.comparisons = comparisons(self.main, self["ratios"], self.baseline)

    def label(self, metric: str) -> str:
        """Return the label of a metric."""
        return label(self.plan, metric)

    def counterpart(self, metric: str) -> str:
        """Return the metric that other platforms have instead."""
        return counterpart(self.plan, metric)

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.inputs.tables.get(table, pd.DataFrame())

    def metrics(self, *workloads: str) -> Sequence[str]:
        """Return the metrics of some workloads that have values."""
        metrics = (row["metric"] for row in self.valid if row["workload"] in workloads)
        return list(dict.fromkeys(metrics))

    def of_metric(self, metric: str) -> list[dict[str, Any]]:
        """Return the valid rows of the summary."""
        return [row for row in self.valid if row["metric"] == metric]

    def to_baseline(self, metric: str, platforms: Sequence[str]) -> list[Comparison]:
        """Return the comparisons of some platforms with the baseline."""
        return [one for one in self.comparisons
                if one.metric == metric and one.platform in platforms]  # fmt: skip

    def pairs(self, metric: str) -> Pairs:
        """Return the comparisons of all pairs of platforms."""
        unit = next(row["unit"] for row in self.of_metric(metric))
        return pairs(self["posthoc"], metric, unit)


def _with_baseline(stratum: pd.DataFrame, summary: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Add the baseline's rows of the same metrics: emulated platforms are compared with it, too."""
    if stratum.empty or baseline in set(stratum["platform"]):
        return stratum
    is_baseline = (summary["platform"] == baseline) & summary["metric"].isin(stratum["metric"])
    return summary[is_baseline | summary.index.isin(stratum.index)]
