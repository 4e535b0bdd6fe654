# SPDX-License-Identifier: Apache-2.0
"""The order of measurement: seeded, in blocks, random within a block.

Each deployment number is a block that holds every platform and workload once, so that a drift of
the machine falls on all of them alike (Duplyakin et al. 2023, "Avoiding the Ordering Trap in
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
"""Priorities of neighbouring groups differ by this, which leaves room for the levels within."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """What is measured in one go: all cells of one deployment."""

    platform: str
    workload: str
    deployment: int


def ranks(plan: Plan) -> dict[Group, int]:
    """Position of every group in the order of measurement, from 0."""
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
    """Snakemake's priority of a job: whole groups in their order, levels shuffled within.

    Groups that are done first have the higher priority; so one deployment is measured to its end
    before the next one starts.
    """
    groups_from_here = len(ranks) - ranks.get(group, 0)
    shuffled = digest(f"{seed}/{group}/{concurrency}".encode())
    return GROUP_STEP * groups_from_here + int(shuffled[:8], 16) % GROUP_STEP
