# SPDX-License-Identifier: Apache-2.0
"""Leaves out dots that lie under others: a figure of a hundred thousand looks the same without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.figures.theme import MOST_VECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

MOST_ON_ONE = 3
"""So many half-transparent dots a place, and those of the places around it, leave nothing white."""
SEED = 1


def thinned(dots: pd.DataFrame, steps: Mapping[str, int]) -> pd.DataFrame:
    """Keep MOST_ON_ONE of the dots of a verdict on one place of a panel, whichever, in their order.

    `steps` maps the column of each axis to the number of places along it, which should be smaller
    than a dot. Few dots are all kept.
    """
    if len(dots) <= MOST_VECTORS:
        return dots
    places = [_places(dots, column, number) for column, number in steps.items()]
    keys = ["panel", "verdict", *steps]
    at = dots[keys[:2]].assign(**dict(zip(steps, places, strict=True)))
    # Those that came first would all be of one platform.
    order = at.sample(frac=1, random_state=SEED).groupby(keys, observed=True, sort=False).cumcount()
    return dots[order.reindex(dots.index) < MOST_ON_ONE]


def _places(dots: pd.DataFrame, column: str, number: int) -> pd.Series[int]:
    panels = dots.groupby("panel", observed=True)[column]
    low, high = panels.transform("min"), panels.transform("max")
    spread = (high - low).where(high > low, 1.0)
    return ((dots[column] - low) / spread * number).astype(int)
