# SPDX-License-Identifier: Apache-2.0
"""Makes the plan: what was requested, what this machine can run of it, and in which order.

Pure, except that drivers are asked what this machine lacks. The order is seeded, in blocks, and
random within a block. Each deployment number is a block that holds every platform and workload
once, so that a drift of the machine affects all of them equally (Duplyakin et al. 2023, "Avoiding
the Ordering Trap in Systems Performance Measurement").
"""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from featherbench.config.loading import naming
from featherbench.config.models import Repetitions
from featherbench.errors import ConfigError
from featherbench.files import digest
from featherbench.measuring import window
from featherbench.planning.resolve import ResolvedConfig, ResolvedPlatform, ResolvedWorkload
from featherbench.records.cell import Metric
from featherbench.records.load_point import Axis
from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload, StoppingRule
from featherbench.records.requirement import MissingRequirement
from featherbench.rootfs import descriptions

GROUP_STEP = 10_000
"""The difference between the priorities of consecutive groups; a group's load points fit in it."""


PLAN_VARIABLE = "FEATHERBENCH_PLAN"
"""Names the file of the plan that a run began with, for Snakemake within that run."""


def frozen_plan() -> Plan | None:
    """Return the plan of the run that this process is a part of; None outside of a run."""
    file = os.environ.get(PLAN_VARIABLE)
    return Plan.read(Path(file)) if file else None


def make_plan(
    resolved: ResolvedConfig, tried: Mapping[str, Sequence[MissingRequirement]] | None = None
) -> Plan:
    """Return the plan of a configuration; `tried` is what platforms lack by their try-outs."""
    with naming(resolved.file):
        return _plan(resolved, tried or {})


def _plan(resolved: ResolvedConfig, tried: Mapping[str, Sequence[MissingRequirement]]) -> Plan:
    config = resolved.config
    plan = Plan(
        config_file=resolved.file,
        config=config.model_dump(mode="json"),
        baseline=config.baseline,
        seed=config.seed,
        margin=config.analysis.equivalence_margin_percent / 100,
        precision=config.analysis.precision_percent / 100,
        platforms=tuple(
            _planned_platform(platform, resolved, tried.get(platform.name, ()))
            for platform in resolved.platforms.values()
        ),
        workloads=tuple(_planned_workload(name, resolved) for name in resolved.workloads),
        metrics=tuple(dict.fromkeys(_metrics(resolved))),
    )
    _require_reach(plan)
    return plan


def _require_reach(plan: Plan) -> None:
    """Raise ConfigError if rates are in percent of a baseline that does not run here."""
    baseline = next(platform for platform in plan.platforms if platform.name == plan.baseline)
    for workload in plan.workloads:
        if workload.rates_of_baseline and not baseline.runs(workload.name):
            raise ConfigError(
                f"{plan.config_file}: 'rate_percent' of {workload.name} needs the baseline, and"
                f" this machine cannot measure {workload.name} on {plan.baseline}",
                remedy="use 'rate_per_s', or another 'baseline'; `featherbench doctor` says why",
            )


def _metrics(resolved: ResolvedConfig) -> Iterator[Metric]:
    """Yield the metrics of the workloads, and of the collectors that run around all windows."""
    for name, workload in resolved.workloads.items():
        rates = resolved.config.workloads[name].rates or Axis.RATE
        for metric in workload.driver.metrics(workload.settings):
            is_of_rates = metric.axis is Axis.RATE
            yield metric.model_copy(update={"axis": rates}) if is_of_rates else metric
    for collector in window.COLLECTORS:
        yield from collector.metrics


def _planned_platform(
    platform: ResolvedPlatform, resolved: ResolvedConfig, tried: Sequence[MissingRequirement]
) -> PlannedPlatform:
    workloads, driver = resolved.workloads, platform.driver
    services = {name: platform.services_for(workload) for name, workload in workloads.items()}
    chains = map(descriptions.chain, driver.root_filesystems if driver else ())
    unsupported = {
        name: _missing_image(platform, workloads[name])
        for name, usable in services.items()
        if not usable
    }
    missing = [*_missing_requirements(platform)] or [*tried]
    if driver and len(unsupported) == len(workloads):
        missing += dict.fromkeys(unsupported.values())
    return PlannedPlatform(
        name=platform.name,
        technology=platform.spec.technology,
        hypervisor=platform.spec.hypervisor,
        network=platform.spec.network,
        image_owner=platform.image_owner,
        derived_root_filesystems=tuple(dict.fromkeys(name for chain in chains for name in chain)),
        virtualized=platform.virtualized,
        emulated=platform.emulated,
        fixed_memory=driver is not None and driver.fixed_memory,
        missing_requirements=tuple(missing),
        unsupported_workloads=unsupported,
        services=dict(services),
    )


def _missing_requirements(platform: ResolvedPlatform) -> Iterator[MissingRequirement]:
    if platform.driver:
        yield from platform.driver.missing_requirements()
    else:
        yield MissingRequirement(
            what=f"{platform.spec.technology} cannot run on {platform.spec.hypervisor}",
            remedy="take it out of `platforms`, or choose another hypervisor",
        )


def _missing_image(platform: ResolvedPlatform, workload: ResolvedWorkload) -> MissingRequirement:
    """Return why a platform has no image that a workload could be measured with."""
    services = workload.services
    for service in services:
        for missing in (platform.available_images or {}).get(service, ()):
            return missing
    return MissingRequirement(
        what=f"{platform.spec.technology} has no image of {' or '.join(services)}",
        remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
    )


def _planned_workload(name: str, resolved: ResolvedConfig) -> PlannedWorkload:
    workload, section = resolved.workloads[name], resolved.config.workloads[name]
    repetitions = section.repetitions or resolved.config.repetitions
    rule = _stopping_rule(repetitions)
    return PlannedWorkload(
        name=name,
        load_points=workload.load_points,
        deployments=repetitions.max if rule else repetitions.deployments,
        windows=repetitions.windows,
        settings=workload.spec.settings,
        until=rule,
    )


def _stopping_rule(repetitions: Repetitions) -> StoppingRule | None:
    if repetitions.target_ci_percent is None:
        return None
    return StoppingRule(
        precision=repetitions.target_ci_percent / 100,
        least=repetitions.min,
        most=repetitions.max,
        budget_s=repetitions.budget_s,
    )


class Group(NamedTuple):
    """What is measured without interruption: all cells of one deployment."""

    platform: str
    workload: str
    deployment: int


def ranks(plan: Plan) -> dict[Group, int]:
    """Return the position of every group in the order of measurement, from 0.

    The first group of all is the baseline's whose rate others are given in percent of.
    """
    reaches = {
        Group(plan.baseline, workload.name, 1)
        for workload in plan.workloads
        if workload.rates_of_baseline
    }
    blocks: dict[int, dict[Group, None]] = {}
    for cell in plan.cells():
        blocks.setdefault(cell.deployment, {})[Group(*cell[:3])] = None
    order: list[Group] = []
    for deployment in sorted(blocks):
        block = list(blocks[deployment])
        random.Random(f"{plan.seed}/{deployment}").shuffle(block)  # noqa: S311 - no secret
        order += sorted(block, key=lambda group: group not in reaches)
    return {group: rank for rank, group in enumerate(order)}


def priority(ranks: dict[Group, int], group: Group, load_point: str, *, seed: int) -> int:
    """Return a job's priority for Snakemake: groups in their order, load points shuffled within.

    Earlier groups have higher priorities, so that one deployment is measured completely before the
    next one starts.
    """
    groups_from_here = len(ranks) - ranks.get(group, 0)
    shuffled = digest(f"{seed}/{group}/{load_point}".encode())
    return GROUP_STEP * groups_from_here + int(shuffled[:8], 16) % GROUP_STEP
