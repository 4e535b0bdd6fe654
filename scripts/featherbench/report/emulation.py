# SPDX-License-Identifier: Apache-2.0
"""The report's inputs, of platforms that are emulated in software or of all others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from featherbench.statistics.data.emulation import is_emulated

if TYPE_CHECKING:
    import pandas as pd

    from featherbench.report.inputs import Inputs


def part(inputs: Inputs, *, emulated: bool) -> Inputs:
    """Give the inputs with the rows of every table that are of emulated platforms, or are not."""

    def own(table: pd.DataFrame) -> pd.DataFrame:
        return table[is_emulated(table) == emulated]

    return replace(
        inputs,
        samples=own(inputs.samples),
        summary=own(inputs.summary),
        anova=own(inputs.anova),
        posthoc=own(inputs.posthoc),
        ratios=own(inputs.ratios),
        levels=own(inputs.levels),
        components=own(inputs.components),
        checks=own(inputs.checks),
    )


def with_baseline(own: pd.DataFrame, summary: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Add to some rows of the summary the baseline's for the same metrics: ratios need a base."""
    if own.empty or baseline in set(own["platform"]):
        return own
    base = (summary["platform"] == baseline) & summary["metric"].isin(own["metric"])
    return summary[base | summary.index.isin(own.index)]
