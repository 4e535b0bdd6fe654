# SPDX-License-Identifier: Apache-2.0
"""Decides the order of measurement: seeded, in blocks, random within a block.

Each deployment number is a block that holds every platform and workload once, so that a drift of
the machine affects all of them equally (Duplyakin et al. 2023, "Avoiding the Ordering Trap in
Systems Performance Measurement").
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featherbench.files import digest

if TYPE_CHECKING:
    from featherbench.records.plan import Plan

GROUP_STEP = 10_000
"""The difference between the priorities of consecutive groups; the levels of a group fit in it."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What is measured without interruption: all cells of one deployment."""

    platform: str
    workload: str
    deployment: int


def ranks(plan: Plan) -> dict[Group, int]:
    """Return the position of every group in the order of measurement, from 0."""
    blocks: dict[int, dict[Group, None]] = {}
    for platform, workload, deployment, _ in plan.cells():
        group = Group(platform=platform, workload=workload, deployment=deployment)
        blocks.setdefault(deployment, {})[group] = None
    order: list[Group] = []
    for deployment in sorted(blocks):
        block = list(blocks[deployment])
        random.Random(f"{plan.seed}/{deployment}").shuffle(block)  # noqa: S311 - no secret
        order += block
    return {group: rank for rank, group in enumerate(order)}


def priority(ranks: dict[Group, int], group: Group, concurrency: int, *, seed: int) -> int:
    """Return a job's priority for Snakemake: groups in their order, levels shuffled within.

    Earlier groups have higher priorities, so that one deployment is measured completely before the
    next one starts.
    """
    groups_from_here = len(ranks) - ranks.get(group, 0)
    shuffled = digest(f"{seed}/{group}/{concurrency}".encode())
    return GROUP_STEP * groups_from_here + int(shuffled[:8], 16) % GROUP_STEP
