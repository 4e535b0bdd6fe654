# SPDX-License-Identifier: Apache-2.0
"""The configuration: what the user may set, with defaults, descriptions and limits."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.config import JsonDict

from featherbench.records.job_specs import RootFilesystemSource, TestbedSpec
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.tuning import Tuning
from featherbench.user_input import EACH_ONCE, MOST_INTEGER, DriverName, UserInput

BENCHMARKING_NETWORK = ipaddress.IPv4Network("198.18.0.0/15")
"""RFC 2544: the addresses reserved for benchmarking; featherbench uses no others."""

SMALLEST_SUBNETS = {"subnet": 28, "container_subnet": 25, "guest_subnet": 25}
"""Prefix lengths that leave at least 14 addresses for each part."""

MOST_CONNECTIONS = 4_000
"""nginx has 4,096, and keeps some for itself."""

MOST_DEPLOYMENTS = 1_000

FEWEST_TO_STOP_AT = 8
"""With fewer, a run may stop by chance: docs/statistics.md has the figures."""

SWEPT_KEYS = ("concurrency", "rate_per_s", "rate_percent", "load_generator")
"""Keys of a workload that only those have which are swept over load points."""

DEFAULT_LOAD_GENERATORS = {"http": "featherbench", "kv": "featherbench"}
"""By service."""

MOST_RATE = 10_000_000
"""Requests per second; a client CPU sends some hundred thousand."""

DEFAULT_CONCURRENCY = (1, 100)

Connections = Annotated[int, Field(ge=1, le=MOST_CONNECTIONS)]
Rate = Annotated[int, Field(ge=1, le=MOST_RATE)]
Percent = Annotated[int, Field(ge=1, le=200)]
NumberToStopAt = Annotated[int, Field(ge=FEWEST_TO_STOP_AT, le=MOST_DEPLOYMENTS)]
PlatformName = Annotated[str, Field(pattern=r"^[a-z0-9]+-[a-z0-9]+$")]

NUMBER: JsonDict = {"type": "number"}
SEQUENTIAL_KEYS = {"target_ci_percent", "min", "max", "budget_s"}
"""Keys of `repetitions` for when the measured interval decides the number of deployments."""


class Repetitions(UserInput):
    """How often everything is repeated."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {key: ["target_ci_percent"] for key in ("min", "max", "budget_s")},
            "if": {"required": ["target_ci_percent"], "properties": {"target_ci_percent": NUMBER}},
            "then": {"properties": {"deployments": False}},
        }
    )

    deployments: Annotated[int, Field(ge=1, le=MOST_DEPLOYMENTS)] = 3
    """Fresh starts of the server, from nothing. Intervals are computed over these."""
    windows: Annotated[int, Field(ge=1, le=100_000)] = 3
    """Timed runs against each deployment."""
    target_ci_percent: Annotated[float, Field(ge=0.01, lt=100)] | None = None
    """Instead of `deployments`: measure as many as it takes for the 95 % interval to reach no
    further than this to either side of the mean. Null or left out: `deployments` is used."""
    min: NumberToStopAt = 10
    """With `target_ci_percent`: deployments before the interval is checked."""
    max: NumberToStopAt = 30
    """With `target_ci_percent`: deployments at most, however wide the interval is."""
    budget_s: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    """With `target_ci_percent`: seconds for each platform and workload; null: no limit."""

    @model_validator(mode="after")
    def _fixed_or_sequential(self) -> Repetitions:
        keys = self.model_fields_set
        if self.target_ci_percent is None:
            if others := sorted(keys & SEQUENTIAL_KEYS - {"target_ci_percent"}):
                raise ValueError(f"{others[0]!r} needs 'target_ci_percent' beside it")
        elif "deployments" in keys:
            raise ValueError("give 'deployments' or 'target_ci_percent', not both")
        elif self.min > self.max:
            raise ValueError(f"'min' ({self.min}) is more than 'max' ({self.max})")
        return self

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out keys that do not apply, so that the result can be read again."""
        unused = SEQUENTIAL_KEYS if self.target_ci_percent is None else {"deployments"}
        return {key: value for key, value in dump(self).items() if key not in unused}


class PlatformConfig(UserInput):
    """One platform, reached in one or several ways."""

    name: PlatformName
    """`<technology>-<hypervisor>`, for example `docker-native`."""
    network: Annotated[tuple[DriverName, ...], EACH_ONCE] = ()
    """How the client reaches it; each way is a platform of its own. Default: as its users do."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The technology's own settings; see config/README.md."""

    @field_validator(
        "network", mode="before", json_schema_input_type=str | Annotated[tuple[str, ...], EACH_ONCE]
    )
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @property
    def technology(self) -> str:
        """What isolates the service."""
        return self.name.split("-")[0]

    @property
    def hypervisor(self) -> str:
        """Where it runs."""
        return self.name.split("-")[1]


class WorkloadConfig(UserInput):
    """One workload."""

    concurrency: Annotated[tuple[Connections, ...], Field(min_length=1), EACH_ONCE] | None = None
    """Open client connections of the closed loop, each number a load point. Only for `http` and
    `kv`; null or left out: 1 and 100, or none beside `rate_per_s`."""
    rate_per_s: Annotated[tuple[Rate, ...], Field(min_length=1), EACH_ONCE] | None = None
    """Rates of requests per second that are offered in an open loop, each a load point. Only for
    `http` and `kv`; null or left out: none."""
    rate_percent: Annotated[tuple[Percent, ...], Field(min_length=1), EACH_ONCE] | None = None
    """The same, in percent of the rate that the baseline reaches in the closed loop, in its first
    deployment. Instead of `rate_per_s`."""
    rate_connections: Connections = 100
    """Open connections over which rates are offered; one of `concurrency` for `rate_percent`."""
    load_generator: DriverName | None = None
    """The program that makes the load. Only for `http` and `kv`, whose choice also holds for
    `memory`; null or left out: `wrk` and `redis_benchmark`."""
    repetitions: Repetitions | None = None
    """How often this workload is repeated, if not as the top-level `repetitions` says."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The workload's own settings; see config/README.md."""

    @model_validator(mode="after")
    def _rates_have_one_unit(self) -> WorkloadConfig:
        if self.rate_per_s and self.rate_percent:
            raise ValueError("give 'rate_per_s' or 'rate_percent', not both")
        if self.rate_percent and self.rate_connections not in self._closed:
            raise ValueError(
                f"'rate_percent' needs {self.rate_connections} ('rate_connections') among"
                " 'concurrency': the baseline's rate is measured there"
            )
        return self

    @property
    def _closed(self) -> tuple[int, ...]:
        if self.concurrency:
            return self.concurrency
        if self.rate_percent:
            return (self.rate_connections,)
        return () if self.rate_per_s else DEFAULT_CONCURRENCY

    @property
    def rates(self) -> Axis | None:
        """In what the rates of its open loop are given; None if it has none."""
        return Axis.RATE if self.rate_per_s else Axis.PERCENT if self.rate_percent else None

    @property
    def load_points(self) -> tuple[LoadPoint, ...]:
        """What it is swept over, if it is."""
        return (
            *(LoadPoint.at(Axis.CONNECTIONS, level) for level in self._closed),
            *(LoadPoint.at(Axis.RATE, level) for level in self.rate_per_s or ()),
            *(LoadPoint.at(Axis.PERCENT, level) for level in self.rate_percent or ()),
        )

    @property
    def reach(self) -> LoadPoint:
        """The load point at which the baseline's rate is measured."""
        return LoadPoint.at(Axis.CONNECTIONS, self.rate_connections)


class TestbedConfig(TestbedSpec):
    """The machine's part in the measurement."""

    @field_validator(*SMALLEST_SUBNETS)
    @classmethod
    def _for_benchmarking(cls, value: str, info: ValidationInfo) -> str:
        network = ipaddress.IPv4Network(value)
        if str(network) != value:
            raise ValueError(f"write it as {network}")
        if not network.subnet_of(BENCHMARKING_NETWORK):
            raise ValueError(f"lies outside {BENCHMARKING_NETWORK}, the range for benchmarking")
        smallest = SMALLEST_SUBNETS[info.field_name or ""]
        if network.prefixlen > smallest:
            raise ValueError(f"is too small: use a /{smallest} or larger")
        return value

    @model_validator(mode="after")
    def _subnets_are_disjoint(self) -> TestbedConfig:
        for names in itertools.combinations(SMALLEST_SUBNETS, 2):
            first, second = (ipaddress.IPv4Network(getattr(self, name)) for name in names)
            if first.overlaps(second):
                raise ValueError(f"{names[0]} and {names[1]} overlap")
        return self


class AnalysisConfig(UserInput):
    """What counts as a small difference."""

    equivalence_margin_percent: Annotated[float, Field(ge=0.01, le=50)] = 5.0
    """A ratio to the baseline that is surely closer to 1 than this counts as no difference."""
    precision_percent: Annotated[float, Field(ge=0.01, le=100)] = 2.0
    """How far the 95 % interval of a mean should reach to either side: the report says how many
    deployments and windows that takes."""


class Config(UserInput):
    """The whole configuration."""

    seed: Annotated[int, Field(ge=0, le=MOST_INTEGER)] = 2017
    """Decides the random order in which cells are measured; changing it measures nothing again."""
    baseline: str = "linux-native"
    """The platform that the others are compared with."""
    platforms: Annotated[tuple[PlatformConfig, ...], Field(min_length=1)]
    """What to compare."""
    workloads: Annotated[dict[str, WorkloadConfig], Field(min_length=1)]
    """What to measure."""
    repetitions: Repetitions = Repetitions()
    """How often, unless a workload says otherwise."""
    root_filesystem: RootFilesystemSource = RootFilesystemSource()
    """What nginx and Redis come from."""
    testbed: TestbedConfig = TestbedConfig()
    """Where client and server are."""
    tuning: Tuning = Tuning()
    """Sysctls and limits."""
    analysis: AnalysisConfig = AnalysisConfig()
    """What counts as no difference, and how precise the results should be."""
    hypervisors: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By hypervisor, its own settings; see config/README.md."""
    plugins: Annotated[tuple[str, ...], EACH_ONCE] = ()
    """Folders with your own `technologies/`, `hypervisors/`, `workloads/`, `loadgens/`."""

    @field_validator(
        "platforms",
        mode="before",
        json_schema_input_type=Annotated[
            tuple[PlatformName | PlatformConfig, ...], Field(min_length=1)
        ],
    )
    @classmethod
    def _a_name_is_a_platform(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return [{"name": item} if isinstance(item, str) else item for item in value]
        return value

    @field_validator(
        "workloads",
        mode="before",
        json_schema_input_type=Annotated[dict[str, WorkloadConfig | None], Field(min_length=1)],
    )
    @classmethod
    def _null_means_defaults(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: {} if item is None else item for name, item in value.items()}
        return value
