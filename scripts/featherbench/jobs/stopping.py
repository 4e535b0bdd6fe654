# SPDX-License-Identifier: Apache-2.0
"""Takes an interim look at the deployments so far of a platform and a workload."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from featherbench.jobs import progress
from featherbench.records.cell import Cell, Deployment, Warmup
from featherbench.records.load_point import LoadPoint
from featherbench.records.plan import CellName
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec
from featherbench.statistics.design.sequential import look


def take_look(spec: InterimLookSpec, previous: InterimLook | None, *, results: Path) -> InterimLook:
    """Decide which load points continue, from all their cells below `results`."""
    load_points = previous.continuing if previous else spec.load_points
    cells = _cells_so_far(spec, load_points, results / "cells")
    first = previous.deployment + 1 if previous else 1
    costs_s = [
        _start_s(spec, number, results)
        + sum(cell.duration_s for cell in cells if cell.coordinates.deployment == number)
        for number in range(first, spec.deployment + 1)
    ]
    return look(spec, cells, costs_s, previous)


def _cells_so_far(
    spec: InterimLookSpec, load_points: Iterable[LoadPoint], folder: Path
) -> Sequence[Cell]:
    return [
        Cell.read(folder / f"{CellName(spec.platform, spec.workload, deployment, load_point)}.json")
        for deployment in range(1, spec.deployment + 1)
        for load_point in load_points
    ]


def _start_s(spec: InterimLookSpec, deployment: int, results: Path) -> float:
    """Return the time of start and warm-up; 0 for workloads that start their own instances."""
    name = f"{spec.platform}/{spec.workload}/d{deployment}.json"
    record = results / "deployments" / name
    if not record.exists():
        return 0.0
    warmup = Warmup.read(results / "warmups" / name)
    return Deployment.read(record).ready_after_s + warmup.duration_s


def announce(look: InterimLook) -> None:
    """Print which load points stop now, and count their further cells no longer."""
    for level in look.levels:
        if level.reason and level.deployments == look.deployment:
            name = f"{look.platform}/{look.workload}/{level.load_point}"
            progress.show(
                f"    {name} stops after {level.deployments} deployments: {level.reason.value}"
            )
            numbers = range(look.deployment + 1, look.rule.most + 1)
            progress.drop_cells(
                str(CellName(look.platform, look.workload, number, level.load_point))
                for number in numbers
            )
