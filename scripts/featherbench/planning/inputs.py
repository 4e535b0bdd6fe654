# SPDX-License-Identifier: Apache-2.0
"""The files that jobs need and make: what the rules' input functions compute.

An interim look decides which cells come next, so whoever needs its decision gets `read_look`, which
reads the look after a deployment. In the workflow that is a checkpoint's output: Snakemake defers
the caller until it exists.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from featherbench.contracts.technology import BASE
from featherbench.planning.job_specs import JobSpecs
from featherbench.records import stopping_decisions
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.plan import CellName, Plan, PlannedWorkload
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec
from featherbench.rootfs import descriptions


class ReadLook(Protocol):
    """Reads the interim look after a deployment of a platform and a workload."""

    def __call__(self, platform: str, workload: str, deployment: int) -> InterimLook:
        """Return the interim look."""
        ...


def cell_of(wildcards: Mapping[str, str]) -> CellName:
    """Return the name of the cell that a job measures."""
    deployment, load_point = int(wildcards["deployment"]), LoadPoint(wildcards["load_point"])
    return CellName(wildcards["platform"], wildcards["workload"], deployment, load_point)


def cell_file(cell: CellName) -> str:
    """Return a cell's file."""
    return f"results/cells/{cell}.json"


def root_filesystem_stem(name: str) -> str:
    """Return a root file system's archive, record and digest file, without their suffix."""
    return "results/images/root" if name == BASE else f"results/root_filesystems/{name}"


def base_root_filesystem(name: str, suffix: str) -> str:
    """Return a file of the root file system that a derived one is made from."""
    return root_filesystem_stem(descriptions.base_of(name)) + suffix


def root_filesystems(specs: JobSpecs, owner: str, suffix: str) -> list[str]:
    """Return a file of each root file system that an owner's images are made from."""
    return [root_filesystem_stem(name) + suffix for name in specs.root_filesystems_of(owner)]


def image_digests(specs: JobSpecs, platform: str, workload: str) -> list[str]:
    """Return the digest files of the images that a cell needs."""
    images = specs.images_of(platform, workload)
    return [f"results/images/{owner}/{service}.digest" for owner, service in images]


def cell_inputs(specs: JobSpecs, cell: CellName) -> dict[str, list[str] | str]:
    """Return what a cell's job needs, by name.

    These are the images; for a lease, the records before it; and for a rate in percent of the
    baseline's, the cell that shows this.
    """
    needed: dict[str, list[str] | str] = {
        "images": image_digests(specs, cell.platform, cell.workload)
    }
    if specs.uses_lease(cell.workload):
        record = f"{cell.platform}/{cell.workload}/d{cell.deployment}.json"
        needed |= {
            "deployment": f"results/deployments/{record}",
            "warmup": f"results/warmups/{record}",
        }
    if cell.load_point.axis is Axis.PERCENT:
        needed["reach"] = cell_file(specs.reach(cell.workload))
    return needed


def _cells(
    platform: str, workload: str, load_points: Iterable[LoadPoint], deployments: Iterable[int]
) -> list[str]:
    return [
        cell_file(CellName(platform, workload, deployment, load_point))
        for deployment, load_point in itertools.product(deployments, load_points)
    ]


def last_look(platform: str, workload: PlannedWorkload, read_look: ReadLook) -> InterimLook:
    """Return the first interim look at which no load point continues."""
    assert workload.until is not None, f"the number of deployments of {workload.name} is fixed"
    deployments = range(workload.until.first_look, workload.until.most + 1)
    looks = (read_look(platform, workload.name, deployment) for deployment in deployments)
    return next(look for look in looks if not look.continuing)


def last_look_file(platform: str, workload: PlannedWorkload, read_look: ReadLook) -> str:
    """Return the file of the last interim look."""
    deployment = last_look(platform, workload, read_look).deployment
    return _look_file(platform, workload.name, deployment)


def _look_file(platform: str, workload: str, deployment: int) -> str:
    folder = stopping_decisions.FOLDER
    return str(stopping_decisions.look_file(folder, platform, workload, deployment))


def sequential_cells(platform: str, workload: PlannedWorkload, read_look: ReadLook) -> list[str]:
    """Return all cells of a platform and a workload that a StoppingRule decides on."""
    cells = (
        _cells(platform, workload.name, [level.load_point], range(1, level.deployments + 1))
        for level in last_look(platform, workload, read_look).levels
    )
    return list(itertools.chain(*cells))


def look_inputs(spec: InterimLookSpec, read_look: ReadLook) -> dict[str, list[str] | str]:
    """Return what an interim look needs: its new cells and, unless it is the first, the previous.

    The previous look holds the decisions on all cells before.
    """
    if spec.deployment == spec.rule.first_look:
        deployments = range(1, spec.deployment + 1)
        return {"cells": _cells(spec.platform, spec.workload, spec.load_points, deployments)}
    previous = spec.deployment - 1
    load_points = read_look(spec.platform, spec.workload, previous).continuing
    return {
        "cells": _cells(spec.platform, spec.workload, load_points, [spec.deployment]),
        "previous": _look_file(spec.platform, spec.workload, previous),
    }


def measured_cells(plan: Plan) -> Sequence[str]:
    """Return the files of the requested cells that have been measured."""
    requested = stopping_decisions.with_requested_cells(plan, stopping_decisions.FOLDER)
    return [file for file in map(cell_file, requested.cells()) if Path(file).exists()]
