# SPDX-License-Identifier: Apache-2.0
"""How the client reaches the platforms: where that differs, so does what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.records.plan import PlannedPlatform

WAYS = {
    "host": "at the host's own address",
    "nat": "through a published port, by address translation",
    "bridge": "over a bridge, at an address of its own",
}


def differing(platforms: Sequence[PlannedPlatform], baseline: str) -> str:
    """Say which platforms are reached by another way than the baseline; empty when none is."""
    own = {platform.name: platform.network for platform in platforms}.get(baseline)
    others = {platform.network for platform in platforms} - {own}
    if own is None or not others:
        return ""
    reached = "; ".join(
        f"{', '.join(_reached_by(way, platforms))} {WAYS.get(way, way)}" for way in sorted(others)
    )
    return (
        f"The ways differ: {baseline} is reached {WAYS.get(own, own)}, but {reached}. Ratios of"
        " throughput and latency hold the way's share, too; `network: [nat, bridge, host]` of a"
        " container platform tells it from the technology's"
    )


def _reached_by(way: str, platforms: Sequence[PlannedPlatform]) -> list[str]:
    return [platform.name for platform in platforms if platform.network == way]
