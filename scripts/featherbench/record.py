# SPDX-License-Identifier: Apache-2.0
"""What is written to disk: frozen models, with units in their names.

Times ending in `_s` are seconds; `*_monotonic_s` are readings of CLOCK_MONOTONIC of this host;
`*_utc` are ISO 8601 and only for people.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - pydantic needs it at run time
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from featherbench.files import write_whole

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Record(BaseModel):
    """A frozen model that can be written to a file and read back."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read one from a JSON file."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write it to a JSON file, whole or not at all."""
        write_whole(path, self.model_dump_json(indent=2) + "\n")


class Coordinates(Record):
    """Where a cell lies in the matrix."""

    platform: str
    technology: str
    host: str
    network: str
    workload: str
    deployment: Annotated[int, Field(ge=1)]
    concurrency: Annotated[int, Field(ge=1)]

    def __str__(self) -> str:
        return f"{self.platform}/{self.workload}/d{self.deployment}/c{self.concurrency}"


class Endpoint(Record):
    """Where the client finds the service, and what it pings to reach the instance.

    `ping_address` is answered by the network stack that the instance uses: this machine's, where it
    has none of its own. It differs from `address` where that is another's, as behind a published
    port: the instance is then pinged by route, and no translation is on the way.
    """

    address: str
    port: int
    ping_address: str


class Instance(Record):
    """A server under test that has been started; `handle` is the driver's own and plain JSON."""

    id: str
    technology: str
    app: str
    handle: dict[str, Any]
    endpoint: Endpoint
    started_utc: str
    start_phases_s: dict[str, Seconds] = Field(default_factory=dict)


class ImageSize(Record):
    """Bytes of an image, three ways, and what was counted."""

    allocated_bytes: Count
    apparent_bytes: Count
    compressed_bytes: Count
    counted: str


class Image(Record):
    """A built image. `digest` depends on its content only: the same bytes, the same digest."""

    technology: str
    app: str
    digest: str
    reference: dict[str, Any]
    size: ImageSize
    versions: dict[str, str]
    built_utc: str
    build_log: str


class Usage(Record):
    """What an instance has used so far, as its platform accounts it; None where it cannot tell.

    `memory_file_bytes` is page cache, tmpfs included. The kernel charges a page of a file to
    whoever touched it first, so it may be little because another had the file open before.
    `guest_used_bytes` is what a guest's own kernel holds. The others are then its hypervisor's, or,
    where `hypervisor_bytes` tells of that, those of a container in the guest.
    """

    cpu_s: Seconds | None
    throttled_s: Seconds | None
    memory_current_bytes: Count | None
    memory_working_set_bytes: Count | None
    memory_anonymous_bytes: Count | None
    memory_file_bytes: Count | None = None
    memory_peak_bytes: Count | None
    guest_used_bytes: Count | None = None
    hypervisor_bytes: Count | None = None
    source: str


class Verdict(StrEnum):
    """Whether a window may be believed. The order is from good to bad."""

    OK = "ok"
    SUSPECT = "suspect"
    INVALID = "invalid"


class Measure(Record):
    """One named figure with its unit."""

    metric: str
    value: float
    unit: str


class Window(Record):
    """One timed run against a deployment, its figures, and whether they may be believed.

    `metric`, `value`, `unit` are the window's main figure; `secondary` are others taken in the
    same window. CPU times are None where the platform cannot tell. `client_busy_fraction` is of all
    CPUs of the client, `server_busy_fraction` of the one CPU that the server can use.
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
    notes: dict[str, Any] = Field(default_factory=dict)
    verdict: Verdict = Verdict.OK
    reasons: tuple[str, ...] = ()


class Deployment(Record):
    """A deploy record: what runs, and the instance that was started for it."""

    coordinates: dict[str, Any]
    deployment_id: str
    instance: Instance
    image_digest: str
    ready_after_s: Seconds
    verified: str
    tuning: dict[str, Any]
    sequence: Count


class Warmup(Record):
    """A warm-up record: what load the instance of a deployment has already borne."""

    deployment_id: str
    instance_id: str
    duration_s: Seconds
    load: dict[str, Any]
    sequence: Count


class Cell(Record):
    """One measured cell: platform x workload x deployment x concurrency."""

    schema_version: int = 1
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
    host_fingerprint: str


class Failure(Record):
    """Why a job failed, kept beside the results until the job succeeds."""

    job: str
    kind: str
    message: str
    remedy: str
    failed_utc: str
    log: str
