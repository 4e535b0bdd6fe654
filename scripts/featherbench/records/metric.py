# SPDX-License-Identifier: Apache-2.0
"""What a figure of a window is: declared by the workload that measures it, kept in the plan."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from featherbench.records.base import Record
from featherbench.records.cell import Measure

ANY = "*"


class Metric(Record):
    """A figure that a workload measures, main or secondary.

    `aspect` is the quantity (`throughput`, `latency`, `transfer`, `startup`, `startup_phase`,
    `round_trip`, `image_size`, `memory`, …) of `service` and, if it has several, of one `operation`
    (`GET`). `statistic` distinguishes figures of one quantity: `p50` of a latency, `minimum` of
    memory. `label` names the metric in a sentence, by default with the words of `name`; `panel`
    names it in a figure.

    A `name` that ends in `*` stands for all names that begin so. The rest is the `statistic`, which
    the technology names.
    """

    name: str
    service: str
    aspect: str
    unit: str
    better: Literal["higher", "lower"]
    label: str = ""
    panel: str = ""
    operation: str = ""
    statistic: str = ""

    @model_validator(mode="before")
    @classmethod
    def _with_label(cls, fields: Any) -> Any:  # noqa: ANN401 - checked by pydantic afterwards
        if not isinstance(fields, dict) or fields.get("label") or "name" not in fields:
            return fields
        return fields | {"label": fields["name"].removesuffix(f"_{ANY}").replace("_", " ")}

    def named(self, name: str) -> Metric | None:
        """Return the metric of that name if it is this one, or one that this one stands for."""
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
