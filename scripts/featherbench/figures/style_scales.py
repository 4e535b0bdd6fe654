# SPDX-License-Identifier: Apache-2.0
"""The styles of the platforms of one figure, by row or by a legend, and its panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from plotnine import (
    facet_wrap,
    scale_color_identity,
    scale_color_manual,
    scale_fill_identity,
    scale_fill_manual,
    scale_linetype_manual,
    scale_shape_identity,
    scale_shape_manual,
)

from featherbench.figures.theme import Style, style

if TYPE_CHECKING:
    from collections.abc import Mapping

    Scales = Literal["fixed", "free", "free_x", "free_y"]

NAMES = ["platform", "technology", "hypervisor"]


def add_style(table: pd.DataFrame) -> pd.DataFrame:
    """Add `colour` and `shape` to rows with a platform, its technology and hypervisor."""
    styles = _styles(table)
    return table.assign(colour=[s.colour for s in styles], shape=[s.shape for s in styles])


def identity_scales() -> list[Any]:
    """Return the scales that take `colour` and `shape` literally; there is no legend."""
    return [scale_color_identity(), scale_fill_identity(), scale_shape_identity()]


def legend(table: pd.DataFrame, *, lines: bool = True) -> list[Any]:
    """Return the scales of `label`, a category with one value for each platform."""
    styles = _styles(table.drop_duplicates("platform"))
    shared: dict[str, Any] = {"limits": list(table["label"].cat.categories)}
    by_line = [scale_linetype_manual([s.line for s in styles], **shared)] if lines else []
    return [
        scale_color_manual([s.colour for s in styles], **shared),
        scale_fill_manual([s.colour for s in styles], **shared),
        scale_shape_manual([s.shape for s in styles], **shared),
        *by_line,
    ]


def _styles(table: pd.DataFrame) -> list[Style]:
    return [style(*names) for names in table[NAMES].itertuples(index=False)]


def in_panels(table: pd.DataFrame, panels: Mapping[str, str]) -> pd.DataFrame:
    """Add the `panel` of each row's metric, in the order of `panels`."""
    titles = list(dict.fromkeys(panels.values()))
    return table.assign(panel=pd.Categorical(table["metric"].map(panels), categories=titles))


def facets(table: pd.DataFrame, *, rows: int = 1, scales: Scales = "fixed") -> list[Any]:
    """Return the facets by `panel`, if there are several."""
    several = len(table["panel"].unique()) > 1
    return [facet_wrap("panel", nrow=rows, scales=scales)] if several else []
