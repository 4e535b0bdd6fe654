# SPDX-License-Identifier: Apache-2.0
"""Look at the deployments so far of a platform and a workload, and decide whether they go on."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.jobs import job_runner, progress
from featherbench.records.cell import Cell, Deployment, Warmup
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec
from featherbench.statistics.data.samples import read_cell
from featherbench.statistics.design.sequential import look

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def cells_so_far(spec: InterimLookSpec, levels: Sequence[int], folder: Path) -> Iterator[Cell]:
    """Read the cells of all deployments so far."""
    for deployment in range(1, spec.deployment + 1):
        for level in levels:
            where = f"{spec.platform}/{spec.workload}/d{deployment}/c{level}.json"
            yield read_cell(folder / where)


def start_s(spec: InterimLookSpec, deployment: int, given: Namespace) -> float:
    """Give the time for starting and warming up, of workloads whose instance is deployed."""
    where = f"{spec.platform}/{spec.workload}/d{deployment}.json"
    if not (given.deployments / where).exists():
        return 0.0
    ready_s = Deployment.read(given.deployments / where).ready_after_s
    return ready_s + Warmup.read(given.warmups / where).duration_s


def costs_s(
    spec: InterimLookSpec, cells: Sequence[Cell], given: Namespace, before: InterimLook | None
) -> list[float]:
    """Give the time that each deployment since the look before took."""
    new = range(before.deployment + 1 if before else 1, spec.deployment + 1)
    return [
        start_s(spec, number, given)
        + sum(cell.duration_s for cell in cells if cell.coordinates.deployment == number)
        for number in new
    ]


def tell(found: InterimLook) -> None:
    """Say which levels have enough now, and count no further cells of theirs."""
    for level in found.levels:
        if level.reason and level.deployments == found.deployment:
            where = f"{found.platform}/{found.workload}/c{level.concurrency}"
            said = f"stops after {level.deployments} deployments: {level.reason.value}"
            sys.stdout.write(f"    {where} {said}\n")
            numbers = range(found.deployment + 1, found.rule.most + 1)
            series = f"{found.platform}/{found.workload}/d{{}}/c{level.concurrency}"
            progress.drop_cells(map(series.format, numbers))


def main(given: Namespace) -> None:
    """Read, decide, write, tell the user."""
    spec = InterimLookSpec.read(given.spec)
    before = InterimLook.read(given.previous) if given.previous else None
    levels = before.continuing_levels if before else spec.levels
    cells = list(cells_so_far(spec, levels, given.cells))
    found = look(spec, cells, costs_s(spec, cells, given, before), before)
    found.write(given.output)
    tell(found)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the InterimLookSpec")
    parser.add_argument("--previous", type=Path, help="the previous look, unless this is the first")
    parser.add_argument("--cells", type=Path, required=True, help="the folder of the cells")
    parser.add_argument("--deployments", type=Path, required=True, help="of the deploy records")
    parser.add_argument("--warmups", type=Path, required=True, help="of the warm-up records")
    parser.add_argument("--output", type=Path, required=True, help="the look's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
