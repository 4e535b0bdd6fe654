# SPDX-License-Identifier: Apache-2.0
"""Transformations of the rows that a figure shows: their order, their scale, and their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from featherbench.figures.theme import MOST_VECTORS
from featherbench.records.plan import PlannedPlatform

SERIES = ["platform", "metric", "level"]
MOST_ON_ONE = 3
"""This many half-transparent dots in a place, with those of the places around it, cover it."""
SEED = 1


def in_order(platforms: Sequence[PlannedPlatform], table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of these platforms, in their order."""
    order = {platform.name: place for place, platform in enumerate(platforms)}
    rows = table[table["platform"].isin(list(order))]
    return rows.sort_values("platform", key=lambda column: column.map(order), kind="stable")


def in_panels(table: pd.DataFrame, panels: Mapping[str, str]) -> pd.DataFrame:
    """Add the `panel` of each row's metric, in the order of `panels`."""
    titles = list(dict.fromkeys(panels.values()))
    return table.assign(panel=pd.Categorical(table["metric"].map(panels), categories=titles))


def in_rows(
    table: pd.DataFrame, line: pd.Series[float], lines: pd.Series[float] | float, share: float
) -> pd.DataFrame:
    """Add the `row` of each platform, and the `place` of each line within this share of the row."""
    row_of = {name: -float(number) for number, name in enumerate(table["platform"].unique())}
    row = table["platform"].map(row_of)
    return table.assign(row=row, lines=lines, place=row + share * (0.5 - (line + 0.5) / lines))


def relative_to_median(windows: pd.DataFrame) -> pd.DataFrame:
    """Divide each value by the median of its platform, metric and level, unless that is 0."""
    medians = windows.groupby(SERIES, sort=False)["value"].transform("median")
    return windows.assign(value=windows["value"] / medians)[medians != 0]


def downsample(dots: pd.DataFrame, steps: Mapping[str, int]) -> pd.DataFrame:
    """Leave out dots that lie under others: keep MOST_ON_ONE of each verdict, panel and place.

    `steps` maps the column of each axis to the number of places along it, which should be smaller
    than a dot. Few dots are all kept. The rows keep their order.
    """
    if len(dots) <= MOST_VECTORS:
        return dots
    places = [_places(dots, column, number) for column, number in steps.items()]
    keys = ["panel", "verdict", *steps]
    at = dots[keys[:2]].assign(**dict(zip(steps, places, strict=True)))
    # At random, since the first ones would all be of one platform.
    order = at.sample(frac=1, random_state=SEED).groupby(keys, observed=True, sort=False).cumcount()
    return dots[order.reindex(dots.index) < MOST_ON_ONE]


def _places(dots: pd.DataFrame, column: str, number: int) -> pd.Series[int]:
    panels = dots.groupby("panel", observed=True)[column]
    low, high = panels.transform("min"), panels.transform("max")
    spread = (high - low).where(high > low, 1.0)
    return ((dots[column] - low) / spread * number).astype(int)
