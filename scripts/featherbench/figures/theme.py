# SPDX-License-Identifier: Apache-2.0
"""How every figure looks, and by what a platform is known in all of them.

Colour tells the technology; the line, the shade of the colour and the shape tell the host, so that
prints in grey and colour-blind readers lose nothing; a network other than the default one has a
tint and a shape of its own. Colours: Okabe and Ito's, then Tol's `muted`.
"""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from matplotlib.colors import to_hex, to_rgb
from plotnine import element_blank, element_line, element_rect, element_text, theme, theme_bw

if TYPE_CHECKING:
    from collections.abc import Sequence

DPI = 160
TEXT_PT = 9
CAPTION_WRAP_PER_INCH = 17.5
PANEL_GAP = 0.03
"""As a share of the figure's width: as much as the last number of an axis reaches beyond it."""
MOST_VECTORS = 2000
"""More dots than this are drawn into an SVG as one image, or no browser would show it."""
MANY = 100
"""From here on digits after the point say nothing."""

Dashes = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Style:
    """By what a platform is known."""

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
"""Of each technology its colour, and its shapes by host, in the order of LINES."""
OTHERS = (("#661100", "opPXs"), ("#777777", "sdD8o"), ("#44AA99", "^<v>D"), ("#BBAA44", "DhsHo"))
"""For technologies from plug-ins: which one is decided by the name."""

LINES: dict[str, Dashes] = {
    "native": "solid",
    "kvm": (0, (5, 2)),
    "xen": (0, (1, 1.5)),
    "tcg": (0, (5, 1.5, 1, 1.5)),
    "xentcg": (0, (2, 1.5)),
}
OTHER_LINE: Dashes = (0, (8, 2, 2, 2))

SHADES = {"kvm": ("#000000", 0.35), "xen": ("#000000", 0.6)} | {
    "tcg": ("#FFFFFF", 0.35),
    "xentcg": ("#888888", 0.35),
}
"""What a host's colours are mixed with, and how much of it."""
GREYS = {"kvm": "#595959", "xen": "#404040", "tcg": "#9A9A9A", "xentcg": "#B4B4B4"}
"""What becomes of black, which cannot be darker."""

NETWORKS = {"nat": ("#FFFFFF", 0.0, "*"), "bridge": ("#FFFFFF", 0.5, "<")} | {
    "host": ("#000000", 0.45, ">")
}
"""For a network that the platform's name gives: what it is mixed with, how much, and its shape."""


@cache
def style(platform: str, technology: str, hypervisor: str) -> Style:
    """Give the style of a platform: the same wherever and beside whatever it appears."""
    colour, shapes = TECHNOLOGIES.get(technology) or _other(technology)
    shape = shapes[list(LINES).index(hypervisor)] if hypervisor in LINES else shapes[0]
    colour = _shaded(colour, hypervisor)
    network = platform.partition("+")[2]
    if network:
        mixed_with, share, shape = NETWORKS.get(network, ("#FFFFFF", 0.25, "*"))
        colour = _mix(colour, mixed_with, share)
    return Style(colour=colour, shape=shape, line=LINES.get(hypervisor, OTHER_LINE))


def _other(technology: str) -> tuple[str, str]:
    return OTHERS[hashlib.sha256(technology.encode()).digest()[0] % len(OTHERS)]


def _shaded(colour: str, hypervisor: str) -> str:
    if hypervisor not in SHADES:
        return colour
    return GREYS[hypervisor] if colour == "#000000" else _mix(colour, *SHADES[hypervisor])


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(to_rgb(colour), to_rgb(other), strict=True)
    red, green, blue = ((1 - share) * a + share * b for a, b in pairs)
    return to_hex((red, green, blue))


def house_theme(width_in: float, height_in: float) -> theme:
    """Give the one theme, for a figure of that size."""
    return theme_bw(base_size=TEXT_PT) + theme(
        figure_size=(width_in, height_in),
        dpi=DPI,
        text=element_text(family="DejaVu Sans", size=TEXT_PT),
        axis_title=element_text(size=TEXT_PT),
        panel_grid_minor=element_blank(),
        panel_grid_major=element_line(color="#E4E4E4", size=0.4),
        panel_border=element_rect(color="#555555", size=0.5),
        strip_background=element_rect(fill="#F2F2F2", color="#555555", size=0.5),
        panel_spacing_x=PANEL_GAP,
        legend_title=element_blank(),
        legend_key=element_blank(),
        legend_key_width=30,
        plot_caption=element_text(size=TEXT_PT - 2, color="#444444", ha="left"),
        plot_caption_position="plot",
    )


def wrapped(caption: str, width_in: float) -> str:
    """Break a caption into lines that fit a figure of that width."""
    return textwrap.fill(caption, int(width_in * CAPTION_WRAP_PER_INCH))


def plain(value: float) -> str:
    """Write a number for people: three significant digits or all whole ones, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= MANY else f"{value:#.3g}".rstrip(".")


def plain_labels(values: Sequence[Any]) -> list[str]:
    """Write the numbers along an axis, without zeros that say nothing."""
    return [f"{value:,.0f}" if abs(value) >= MANY else f"{value:.6g}" for value in values]
