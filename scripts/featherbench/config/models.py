# SPDX-License-Identifier: Apache-2.0
"""The configuration: what the user may ask for, checked before anything runs."""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from featherbench.ownership import BENCHMARKING_NETWORK

if TYPE_CHECKING:
    from pydantic.config import JsonDict

SMALLEST_SUBNETS = {"subnet": 28, "container_subnet": 25, "guest_subnet": 25}
"""Prefix lengths that leave at least 14 addresses to whoever gets a part."""

MOST_CONNECTIONS = 4_000
"""nginx has 4,096, of which it keeps some for itself."""

FEWEST_TO_STOP_AT = 8
"""Below, a run stops by luck: docs/statistics.md has the figures."""

Level = Annotated[int, Field(ge=1, le=MOST_CONNECTIONS)]
NumberToStopAt = Annotated[int, Field(ge=FEWEST_TO_STOP_AT)]
CpuList = tuple[Annotated[int, Field(ge=0)], ...]
PlatformName = Annotated[str, Field(pattern=r"^[a-z0-9]+-[a-z0-9]+$")]
Sysctl = Annotated[str, Field(pattern=r"^net\.[a-z0-9_.]+$")]


class Section(BaseModel):
    """A part of the configuration: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


NUMBER: JsonDict = {"type": "number"}
WITH_UNTIL = {"target_ci_percent", "min", "max", "budget_s"}
"""Keys of `repetitions` that hold when the number of deployments is found out."""


class Repetitions(Section):
    """How often everything is repeated."""

    model_config = ConfigDict(
        json_schema_extra={
            "dependentRequired": {key: ["target_ci_percent"] for key in ("min", "max", "budget_s")},
            "if": {"required": ["target_ci_percent"], "properties": {"target_ci_percent": NUMBER}},
            "then": {"properties": {"deployments": False}},
        }
    )

    deployments: PositiveInt = 3
    """Fresh starts of the server, from nothing. Intervals are taken over these."""
    windows: PositiveInt = 3
    """Timed runs against each deployment."""
    target_ci_percent: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Instead of `deployments`: as many as it takes for the 95 % interval to reach no further than
    this to either side of the mean. Null or left out: `deployments` says how many."""
    min: NumberToStopAt = 10
    """With `target_ci_percent`: deployments before the interval is looked at."""
    max: NumberToStopAt = 30
    """With `target_ci_percent`: deployments at most, however wide the interval is."""
    budget_s: Annotated[float, Field(gt=0)] | None = None
    """With `target_ci_percent`: seconds for each platform and workload; null: no limit."""

    @model_validator(mode="after")
    def _fixed_or_until(self) -> Repetitions:
        given = self.model_fields_set
        if self.target_ci_percent is None:
            if beside := sorted(given & WITH_UNTIL - {"target_ci_percent"}):
                raise ValueError(f"{beside[0]!r} needs 'target_ci_percent' beside it")
        elif "deployments" in given:
            raise ValueError("give 'deployments' or 'target_ci_percent', not both")
        elif self.min > self.max:
            raise ValueError(f"'min' ({self.min}) is more than 'max' ({self.max})")
        return self

    @model_serializer(mode="wrap")
    def _what_holds(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the keys of the other way, so that what is written can be read again."""
        idle = WITH_UNTIL if self.target_ci_percent is None else {"deployments"}
        return {key: value for key, value in dump(self).items() if key not in idle}


class PlatformConfig(Section):
    """One platform, reached in one or several ways."""

    name: PlatformName
    """`<technology>-<host>`, for example `docker-native`."""
    network: tuple[str, ...] = ()
    """How the client reaches it; each way is a platform of its own. Default: as its users do."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The technology's own settings; see config/README.md."""

    @field_validator("network", mode="before", json_schema_input_type=str | tuple[str, ...])
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


DEFAULT_LOAD_GENERATORS = {"http": "wrk", "kv": "redis_benchmark"}
"""By app."""


class WorkloadConfig(Section):
    """One workload."""

    concurrency: Annotated[tuple[Level, ...], Field(min_length=1)] | None = None
    """Open client connections, one level after the other. Only for `http` and `kv`; null or left
    out: 1 and 100."""
    load_generator: str | None = None
    """The program that makes the load. Only for `http` and `kv`, whose choice holds for `memory`,
    too; null or left out: `wrk` and `redis_benchmark`."""
    repetitions: Repetitions | None = None
    """How often this workload is repeated, if not as the top-level `repetitions` says."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The workload's own settings; see config/README.md."""

    @field_validator("concurrency")
    @classmethod
    def _each_level_once(cls, levels: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if levels is not None and len(set(levels)) < len(levels):
            raise ValueError("a level is named twice")
        return levels


class RootFilesystemConfig(Section):
    """The one Debian root file system that nginx and Redis come from."""

    suite: str = "bookworm"
    """Debian's name of the release."""
    packages: dict[str, str] = Field(
        default={
            "nginx-light": "1.22.1*",
            "redis-server": "5:7.0.15*",
            "redis-tools": "5:7.0.15*",
        }
    )
    """Packages, each with the version it must have; `*` stands for Debian's own revision."""


class TestbedConfig(Section):
    """The machine's part in the measurement."""

    __test__ = False

    client: Literal["netns", "loopback"] = "netns"
    """`netns`: the load comes from a network namespace of its own, which needs root. `loopback`: it
    comes from the server's own network, to try things out; windows of load are then suspect."""
    subnet: str = "198.18.0.0/24"
    """Addresses of client and server, out of 198.18.0.0/15."""
    container_subnet: str = "198.18.1.0/24"
    """Addresses of containers on networks that we make, out of 198.18.0.0/15; cut in eighths, one
    for each technology."""
    guest_subnet: str = "198.18.2.0/24"
    """Addresses of virtual machines on this host, out of 198.18.0.0/15; its second half is for the
    containers inside them."""
    server_cpus: CpuList | Literal["auto"] = "auto"
    """CPUs of the server; `auto`: half of the cores, or what the client leaves."""
    client_cpus: CpuList | Literal["auto"] = "auto"
    """CPUs of the load generator; `auto`: the other half, or what the server leaves."""

    @field_validator(*SMALLEST_SUBNETS)
    @classmethod
    def _for_benchmarking(cls, value: str, info: ValidationInfo) -> str:
        network = ipaddress.IPv4Network(value)
        if not network.subnet_of(BENCHMARKING_NETWORK):
            raise ValueError(f"lies outside {BENCHMARKING_NETWORK}, the range for benchmarking")
        smallest = SMALLEST_SUBNETS[info.field_name or ""]
        if network.prefixlen > smallest:
            raise ValueError(f"is too small: use a /{smallest} or larger")
        return value

    @model_validator(mode="after")
    def _apart(self) -> TestbedConfig:
        for one, other in itertools.combinations(SMALLEST_SUBNETS, 2):
            networks = [ipaddress.IPv4Network(getattr(self, name)) for name in (one, other)]
            if networks[0].overlaps(networks[1]):
                raise ValueError(f"{one} and {other} overlap")
        return self


class TuningConfig(Section):
    """The paper's Table 3, set on the client's and the server's side and restored afterwards."""

    net_sysctls: dict[Sysctl, str] = Field(
        default={
            "net.core.somaxconn": "1024",
            "net.ipv4.ip_local_port_range": "1024 65535",
            "net.ipv4.tcp_tw_reuse": "1",
            "net.ipv4.tcp_keepalive_time": "60",
            "net.ipv4.tcp_keepalive_intvl": "60",
        },
        json_schema_extra={"additionalProperties": False},
    )
    """Sysctls below `net.`, set on both sides; what is given replaces the whole default."""
    nofile: Annotated[int, Field(ge=64)] | None = 20000
    """Limit of open files of every server and load generator; null leaves it."""
    file_max: Annotated[int, Field(ge=1024)] | None = None
    """`fs.file-max` of the whole host; null, the default, leaves it."""

    @field_validator("net_sysctls", mode="before", json_schema_input_type=dict[Sysctl, str | int])
    @classmethod
    def _values_are_text(cls, value: object) -> object:
        if isinstance(value, dict):
            return {key: str(v) if isinstance(v, int) else v for key, v in value.items()}
        return value


class AnalysisConfig(Section):
    """What the analysis takes for small."""

    equivalence_margin_percent: Annotated[float, Field(gt=0, le=100)] = 5.0
    """A ratio to the baseline that is surely closer to 1 than this counts as no difference."""
    precision_percent: Annotated[float, Field(gt=0, le=100)] = 2.0
    """How far the 95 % interval of a mean should reach to either side: the report says how many
    deployments and windows that takes."""


class Config(Section):
    """The whole configuration."""

    seed: Annotated[int, Field(ge=0)] = 2017
    """Decides the random order in which cells are measured; changing it measures nothing again."""
    baseline: str = "linux-native"
    """The platform that ratios are taken to."""
    platforms: Annotated[tuple[PlatformConfig, ...], Field(min_length=1)]
    """What to compare."""
    workloads: Annotated[dict[str, WorkloadConfig], Field(min_length=1)]
    """What to measure."""
    repetitions: Repetitions = Repetitions()
    """How often, unless a workload says otherwise."""
    root_filesystem: RootFilesystemConfig = RootFilesystemConfig()
    """What nginx and Redis come from."""
    testbed: TestbedConfig = TestbedConfig()
    """Where client and server are."""
    tuning: TuningConfig = TuningConfig()
    """Sysctls and limits."""
    analysis: AnalysisConfig = AnalysisConfig()
    """What counts as no difference, and how sure you want to be."""
    hypervisors: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By host, its own settings; see config/README.md."""
    plugins: tuple[str, ...] = ()
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
    def _nothing_said_is_default(cls, value: object) -> object:
        if isinstance(value, dict):
            return {name: {} if item is None else item for name, item in value.items()}
        return value
