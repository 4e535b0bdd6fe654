# SPDX-License-Identifier: Apache-2.0
"""The record of a measured cell with its figures, and of the jobs before it."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from featherbench.records.base import Count, Record, Seconds
from featherbench.records.instance import Instance
from featherbench.records.load_point import Axis, LoadPoint

ANY = "*"
"""Ends the name of a metric that stands for several; see Metric."""
OPEN_CONNECTIONS = "open connections"
"""Key, in the tuning of a cell, of the number of connections that were verified."""


def _read_histogram(text: Any) -> Any:  # noqa: ANN401 - checked by pydantic afterwards
    if not isinstance(text, str):
        return text
    return tuple(tuple(bucket.split(":")) for bucket in text.split())


def _histogram_text(buckets: tuple[tuple[int, int], ...]) -> str:
    return " ".join(f"{least_ns}:{count}" for least_ns, count in buckets)


Histogram = Annotated[
    tuple[tuple[Count, Count], ...],
    BeforeValidator(_read_histogram),
    PlainSerializer(_histogram_text, return_type=str),
]
"""The least ns and the count of each bucket that is not empty; in files `9600:3 9664:17 …`."""


class Coordinates(Record):
    """The position of a cell in the matrix."""

    platform: str
    technology: str
    hypervisor: str
    network: str
    workload: str
    deployment: Annotated[int, Field(ge=1)]
    load_point: LoadPoint

    def __str__(self) -> str:
        return f"{self.platform}/{self.workload}/d{self.deployment}/{self.load_point}"


class Usage(Record):
    """What an instance has used so far, as its platform accounts for it; None if unknown.

    `memory_file_bytes` is page cache, including tmpfs. The kernel charges a page of a file to the
    control group that touched it first, so the value may be small because another group had the
    file open before. `guest_used_bytes` is the memory that a guest's own kernel uses. The other
    values are then the hypervisor's or, if `hypervisor_bytes` is set, those of a container in the
    guest.
    """

    cpu_s: Seconds | None = None
    throttled_s: Seconds | None = None
    memory_current_bytes: Count | None = None
    memory_working_set_bytes: Count | None = None
    memory_anonymous_bytes: Count | None = None
    memory_file_bytes: Count | None = None
    memory_peak_bytes: Count | None = None
    guest_used_bytes: Count | None = None
    hypervisor_bytes: Count | None = None
    source: str


class Verdict(StrEnum):
    """Whether a window is valid. The order is from good to bad."""

    OK = "ok"
    SUSPECT = "suspect"
    INVALID = "invalid"


class StampedBy(StrEnum):
    """The packet that ended a startup time; `stamped_by` in the window's notes."""

    PROBE = "probe"
    """The probe's packet, with the nonce of this start."""
    FIRST_FRAME = "first frame"
    """The first packet of any kind from this start's MAC address: the image has no probe."""


class Measure(Record):
    """One named figure with its unit."""

    metric: str
    value: float
    unit: str


class Metric(Record):
    """A figure that a workload measures, main or secondary.

    `aspect` is the quantity (`throughput`, `latency`, `transfer`, `startup`, `startup_phase`,
    `round_trip`, `image_size`, `memory`, …) of `service` and, if it has several, of one `operation`
    (`GET`). `statistic` distinguishes figures of one quantity: `p50` of a latency, `minimum` of
    memory. `axis` is what its levels count. `label` names the metric in a sentence, by default with
    the words of `name`; `panel` names it in a figure.

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
    axis: Axis = Axis.CONNECTIONS

    @model_validator(mode="before")
    @classmethod
    def _with_label(cls, fields: Any) -> Any:  # noqa: ANN401 - checked by pydantic afterwards
        if not isinstance(fields, dict) or fields.get("label") or "name" not in fields:
            return fields
        return fields | {"label": fields["name"].removesuffix(f"_{ANY}").replace("_", " ")}

    def named(self, name: str) -> Self | None:
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


class Window(Record):
    """One timed run against a deployment: its figures, and whether they are valid.

    `metric`, `value`, `unit` are the window's main figure; `secondary` are other figures of the
    same window. CPU times are None if the platform does not report them. `client_busy_fraction` is
    of all CPUs of the client, `server_busy_fraction` of the one CPU that the server can use.
    `histogram` has the latencies, if the load generator gives them.
    """

    index: Annotated[int, Field(ge=1)]
    metric: str
    value: float
    unit: str
    secondary: tuple[Measure, ...] = ()
    started_utc: str
    started_monotonic_s: Seconds
    duration_s: Seconds
    requests: Count | None = None
    failures: dict[str, Count] = Field(default_factory=dict)
    client_cpu_s: Seconds | None = None
    client_cpus: Count | None = None
    client_busy_fraction: float | None = None
    server_cpu_s: Seconds | None = None
    server_cpus: Count | None = None
    server_busy_fraction: float | None = None
    command: tuple[str, ...] = ()
    histogram: Histogram = ()
    notes: dict[str, Any] = Field(default_factory=dict)
    verdict: Verdict = Verdict.OK
    reasons: tuple[str, ...] = ()


class Deployment(Record):
    """A deploy record: what was started, and the instance."""

    coordinates: dict[str, Any]
    deployment_id: str
    instance: Instance
    image_digest: str
    ready_after_s: Seconds
    verified: str
    tuning: dict[str, Any]
    sequence: Count


class Warmup(Record):
    """A warm-up record: the load that a deployment's instance was warmed up with."""

    deployment_id: str
    instance_id: str
    duration_s: Seconds
    load: dict[str, Any]
    sequence: Count


class Cell(Record):
    """One measured cell: platform x workload x deployment x load point."""

    schema_version: Literal[1] = 1
    coordinates: Coordinates
    spec: dict[str, Any]
    windows: tuple[Window, ...]
    instance: Instance | None
    redeployed: bool
    image_digest: str
    verified: str
    tuning: dict[str, Any]
    sequence: Count
    started_utc: str
    finished_utc: str
    duration_s: Seconds
    overhead_s: dict[str, Seconds]
    client: dict[str, Any]
    machine_fingerprint: str


class Failure(Record):
    """Why a job failed. The file is kept beside the results until the job succeeds."""

    job: str
    kind: str
    message: str
    remedy: str
    failed_utc: str
    log: str
