# SPDX-License-Identifier: Apache-2.0
"""The paper's experiment (`resources/plauth2017/experiment.yaml`), and the same as a plan."""

from collections.abc import Mapping
from typing import Any

import yaml

from featherbench.paths import resource
from featherbench.records.base import Record
from featherbench.records.cell import Metric
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.plan import Plan, PlannedPlatform, PlannedWorkload


class PublishedMetric(Record):
    """A metric with its file, the column of the value or mean, our workload and names for it."""

    metric: Metric
    file: str
    column: str
    workload: str
    ours: tuple[str, ...]


class Condition(Record):
    """A setting `of` a workload or technology that must match; one that is absent matches.

    `key` is the path in the settings, `papers` the paper's value in words.
    """

    of: str
    key: str
    accepted: tuple[Any, ...] = ()
    refused: tuple[Any, ...] = ()
    papers: str

    def difference(self, settings: Mapping[str, Any]) -> str:
        """Return how the settings differ; nothing if they match."""
        value: Any = settings
        for part in self.key.split("."):
            if not isinstance(value, dict) or part not in value:
                return ""
            value = value[part]
        if value not in self.refused if self.refused else value in self.accepted:
            return ""
        shown = "differs" if isinstance(value, dict) else f"is {value}"
        return f"`{self.key}` {shown}, and the paper had {self.papers}"


class Experiment(Record):
    """What the paper ran: `platforms` maps our names to the paper's."""

    platforms: dict[str, str]
    repetitions: dict[str, int]
    levels: dict[str, tuple[int, ...]]
    metrics: tuple[PublishedMetric, ...]
    conditions: tuple[Condition, ...]


EXPERIMENT = Experiment.model_validate(
    yaml.safe_load(resource("plauth2017/experiment.yaml").read_text(encoding="utf-8"))
)
PLATFORMS = EXPERIMENT.platforms
METRICS = tuple(published.metric for published in EXPERIMENT.metrics)
NETWORK = "unknown"


def plan() -> Plan:
    """Return the plan. A repetition counts as a deployment; MirageOS has only 10 of http."""
    pairs = {name: name.split("-") for name in PLATFORMS}
    return Plan(
        config_file="resources/plauth2017",
        config={},
        baseline=next(iter(PLATFORMS)),
        seed=0,
        platforms=tuple(
            PlannedPlatform(
                name=name,
                technology=technology,
                hypervisor=hypervisor,
                network=NETWORK,
                image_owner=technology,
                virtualized=hypervisor != "native",
                missing_requirements=(),
            )
            for name, (technology, hypervisor) in pairs.items()
        ),
        workloads=tuple(
            PlannedWorkload(
                name=name,
                load_points=tuple(
                    LoadPoint.at(Axis.CONNECTIONS, level)
                    for level in EXPERIMENT.levels.get(name, (1,))
                ),
                deployments=repetitions,
                windows=1,
                settings={},
            )
            for name, repetitions in EXPERIMENT.repetitions.items()
        ),
        metrics=METRICS,
    )
