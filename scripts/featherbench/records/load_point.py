# SPDX-License-Identifier: Apache-2.0
"""Load points: what a workload is swept over, open connections or an offered rate."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Axis(StrEnum):
    """What the level of a load point counts."""

    CONNECTIONS = "connections"
    RATE = "requests/s"
    PERCENT = "% of the baseline's rate"


FORMS = {Axis.CONNECTIONS: "c{}", Axis.RATE: "r{}", Axis.PERCENT: "r{}pc"}
PATTERN = r"(?:c[1-9][0-9]*|r[1-9][0-9]*(?:pc)?)"


class LoadPoint(str):
    """One load point: `c100` (open connections), `r5000` (requests/s) or `r50pc` (percent).

    `r50pc` is half of the rate that the baseline reaches in a closed loop.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return the load point with that name. Raise ValueError if it is none."""
        if not re.fullmatch(PATTERN, text):
            raise ValueError(f"{text!r} is no load point, such as c100, r5000 or r50pc")
        return super().__new__(cls, text)

    @classmethod
    def at(cls, axis: Axis, level: int) -> Self:
        """Return the load point at `level` of `axis`."""
        return cls(FORMS[axis].format(level))

    @property
    def axis(self) -> Axis:
        """What its level counts."""
        if self.startswith("c"):
            return Axis.CONNECTIONS
        return Axis.PERCENT if self.endswith("pc") else Axis.RATE

    @property
    def level(self) -> int:
        """The number of connections, of requests/s, or of percent."""
        return int(self.removesuffix("pc")[1:])

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - by pydantic
        """Read and write it as its name."""
        return core_schema.no_info_after_validator_function(
            cls, handler(str), serialization=core_schema.to_string_ser_schema()
        )


ONE_CONNECTION = LoadPoint("c1")
"""The load point of workloads that are not swept."""


@dataclass(frozen=True, kw_only=True)
class OfferedLoad:
    """What a load point comes to: so many open connections and, in an open loop, a rate.

    `reached` is the rate, in requests/s, that the baseline reaches in a closed loop over as many
    connections, by metric; it is needed for a rate in percent of it.
    """

    load_point: LoadPoint
    connections: int
    reached: Mapping[str, float] = field(default_factory=dict)

    def rate_per_s(self, throughput: str) -> float | None:
        """Return the rate to offer; None in a closed loop. `throughput` is a key of `reached`."""
        match self.load_point.axis:
            case Axis.CONNECTIONS:
                return None
            case Axis.RATE:
                return float(self.load_point.level)
            case Axis.PERCENT:
                return self.load_point.level / 100 * self.reached[throughput]
