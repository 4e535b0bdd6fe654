# SPDX-License-Identifier: Apache-2.0
"""What a figure of a window is: declared by the workload that measures it, kept in the plan."""

from __future__ import annotations

from typing import Literal

from featherbench.records.base import Record
from featherbench.records.cell import Measure

ANY = "*"


class Metric(Record):
    """One figure that a workload measures, main or secondary.

    `aspect` is the quantity (`throughput`, `latency`, `transfer`, `startup`, `startup_phase`,
    `round_trip`, `image_size`, `memory`, …), of `service` and, where there are several, of one
    `operation` (`GET`). `statistic` tells figures of one quantity apart: `p50` of a latency, `load`
    or `minimum` of memory. `label` names the metric in a sentence, `panel` in a figure.

    A `name` that ends in `*` stands for all that begin so: the rest, a `statistic`, is named by the
    technology.
    """

    name: str
    service: str
    aspect: str
    unit: str
    better: Literal["higher", "lower"]
    label: str
    panel: str = ""
    operation: str = ""
    statistic: str = ""

    def named(self, name: str) -> Metric | None:
        """Return the metric of that name, if it is this one or one that this stands for."""
        prefix = self.name.removesuffix(ANY)
        if self.name == name:
            return self
        if not self.name.endswith(ANY) or not name.startswith(prefix):
            return None
        statistic = name.removeprefix(prefix)
        label = f"{self.label} {statistic.replace('_', ' ')}"
        return self.model_copy(update={"name": name, "label": label, "statistic": statistic})

    def measure(self, value: float) -> Measure:
        """Return a figure of this metric."""
        return Measure(metric=self.name, value=value, unit=self.unit)
