# SPDX-License-Identifier: Apache-2.0
"""The theme and scales of all figures, and the style of each platform, the same in all of them.

The colour stands for the technology; the line, the shade of the colour and the shape stand for the
hypervisor, so that nothing is lost in print in grey or for colour-blind readers. A network other
than the default one has its own tint and shape. Colours: Okabe and Ito's, then Tol's `muted`.
"""

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandas as pd
import plotnine as p9
from matplotlib.colors import to_hex, to_rgb

from featherbench.figures.catalogue import FigureSpec

DPI = 160
TEXT_PT = 9
CAPTION_WRAP_PER_INCH = 17.5
PANEL_GAP = 0.03
"""A fraction of the figure's width: the last number of an axis extends this far beyond it."""
MOST_VECTORS = 2000
"""More dots than this are one image in an SVG: browsers cannot show so many elements."""
MANY = 100
"""From this value on, digits after the point are not significant."""

NAMES = ["platform", "technology", "hypervisor"]
"""Columns that decide the style."""

Dashes = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Style:
    """Colour, shape and line of a platform."""

    colour: str
    shape: str
    line: Dashes


TECHNOLOGIES = {
    "linux": ("#000000", "oXpPs"),
    "docker": ("#0072B2", "sD8do"),
    "lxd": ("#E69F00", "^vhHD"),
    "rumprun": ("#009E73", "DhH8p"),
    "osv": ("#D55E00", "v^dh8"),
    "mirageos": ("#CC79A7", "ps^oX"),
    "netbsd": ("#56B4E9", "h8XvP"),
    "gvisor": ("#882255", "8HoDd"),
    "podman": ("#332288", "dosXh"),
    "firecracker": ("#AA4499", "HPDpv"),
    "unikraft": ("#999933", "Ppv^H"),
    "nanos": ("#117733", "XdPs^"),
}
"""Of each technology its colour, and its shapes by hypervisor, in the order of LINES."""
OTHERS = (("#661100", "opPXs"), ("#777777", "sdD8o"), ("#44AA99", "^<v>D"), ("#BBAA44", "DhsHo"))
"""For technologies from plug-ins, chosen by a hash of the name."""

LINES: dict[str, Dashes] = {
    "native": "solid",
    "kvm": (0, (5, 2)),
    "xen": (0, (1, 1.5)),
    "tcg": (0, (5, 1.5, 1, 1.5)),
    "xentcg": (0, (2, 1.5)),
}
OTHER_LINE: Dashes = (0, (8, 2, 2, 2))

SHADES = {
    "kvm": ("#000000", 0.35),
    "xen": ("#000000", 0.6),
    "tcg": ("#FFFFFF", 0.35),
    "xentcg": ("#888888", 0.35),
}
"""The colour that a hypervisor's colours are mixed with, and its share."""
GREYS = {"kvm": "#595959", "xen": "#404040", "tcg": "#9A9A9A", "xentcg": "#B4B4B4"}
"""Replacements of black, which cannot become darker."""

NETWORKS = {
    "nat": ("#FFFFFF", 0.0, "*"),
    "bridge": ("#FFFFFF", 0.5, "<"),
    "host": ("#000000", 0.45, ">"),
}
"""For a network in the platform's name: the colour that is mixed in, its share, and the shape."""


@cache
def style(platform: str, technology: str, hypervisor: str) -> Style:
    """Return the style of a platform; it does not depend on the others in the figure."""
    place = hashlib.sha256(technology.encode()).digest()[0] % len(OTHERS)
    colour, shapes = TECHNOLOGIES.get(technology, OTHERS[place])
    shape = shapes[list(LINES).index(hypervisor)] if hypervisor in LINES else shapes[0]
    if colour == "#000000":
        colour = GREYS.get(hypervisor, colour)
    elif hypervisor in SHADES:
        colour = _mix(colour, *SHADES[hypervisor])
    network = platform.partition("+")[2]
    if network:
        mixed_with, share, shape = NETWORKS.get(network, ("#FFFFFF", 0.25, "*"))
        colour = _mix(colour, mixed_with, share)
    return Style(colour=colour, shape=shape, line=LINES.get(hypervisor, OTHER_LINE))


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(to_rgb(colour), to_rgb(other), strict=True)
    red, green, blue = ((1 - share) * a + share * b for a, b in pairs)
    return to_hex((red, green, blue))


def add_style(table: pd.DataFrame) -> pd.DataFrame:
    """Add `colour` and `shape` to rows with a platform, its technology and hypervisor."""
    styles = _styles(table)
    return table.assign(colour=[s.colour for s in styles], shape=[s.shape for s in styles])


def _styles(table: pd.DataFrame) -> list[Style]:
    return [style(*names) for names in table[NAMES].itertuples(index=False)]


def identity_scales() -> list[Any]:
    """Return the scales that take `colour` and `shape` literally; there is no legend."""
    return [p9.scale_color_identity(), p9.scale_fill_identity(), p9.scale_shape_identity()]


def legend(table: pd.DataFrame, *, lines: bool = True) -> list[Any]:
    """Return the scales of `label`, a category with one value for each platform."""
    styles = _styles(table.drop_duplicates("platform"))
    shared: dict[str, Any] = {"limits": list(table["label"].cat.categories)}
    by_line = [p9.scale_linetype_manual([s.line for s in styles], **shared)] if lines else []
    return [
        p9.scale_color_manual([s.colour for s in styles], **shared),
        p9.scale_fill_manual([s.colour for s in styles], **shared),
        p9.scale_shape_manual([s.shape for s in styles], **shared),
        *by_line,
    ]


def row_axis(table: pd.DataFrame) -> list[Any]:
    """Return an axis with a `row` for each platform, and lines between the rows."""
    names = table.drop_duplicates("platform")
    rows = len(names)
    return [
        p9.geom_hline(yintercept=[0.5 - row for row in range(1, rows)], color="#CCCCCC", size=0.3),
        p9.scale_y_continuous(
            breaks=list(names["row"]),
            labels=list(names["platform"]),
            limits=(0.5 - rows, 0.5),
            expand=(0, 0),
        ),
    ]


def framed(
    spec: FigureSpec,
    table: pd.DataFrame,
    width_in: float,
    height_in: float,
    *,
    panel_in: float = 0.0,
    rows: int = 1,
    scales: Literal["fixed", "free_y"] = "fixed",
    x: str = "",
    y: str = "",
) -> list[Any]:
    """Return what all figures have: facets by `panel`, if there are several, caption and theme.

    The first panel is `width_in` wide, and each further one adds `panel_in`.
    """
    panels = len(table["panel"].unique())
    width_in += panel_in * (panels - 1)
    caption = textwrap.fill(spec.caption, int(width_in * CAPTION_WRAP_PER_INCH))
    return [
        *([p9.facet_wrap("panel", nrow=rows, scales=scales)] if panels > 1 else []),
        p9.labs(x=x, y=y, caption=caption),
        p9.theme_bw(base_size=TEXT_PT),
        p9.theme(
            figure_size=(width_in, height_in),
            dpi=DPI,
            text=p9.element_text(family="DejaVu Sans", size=TEXT_PT),
            axis_title=p9.element_text(size=TEXT_PT),
            panel_grid_minor=p9.element_blank(),
            panel_grid_major=p9.element_line(color="#E4E4E4", size=0.4),
            panel_border=p9.element_rect(color="#555555", size=0.5),
            strip_background=p9.element_rect(fill="#F2F2F2", color="#555555", size=0.5),
            panel_spacing_x=PANEL_GAP,
            legend_title=p9.element_blank(),
            legend_key=p9.element_blank(),
            legend_key_width=30,
            plot_caption=p9.element_text(size=TEXT_PT - 2, color="#444444", ha="left"),
            plot_caption_position="plot",
        ),
    ]


def format_value(value: float) -> str:
    """Format a value: three significant digits, or all digits of a large one, by thousands."""
    return f"{value:,.0f}" if abs(value) >= MANY else f"{value:#.3g}".rstrip(".")


def format_ticks(values: Sequence[Any]) -> list[str]:
    """Format the numbers along an axis, without trailing zeros."""
    return [f"{value:,.0f}" if abs(value) >= MANY else f"{value:.6g}" for value in values]
