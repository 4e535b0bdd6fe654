# SPDX-License-Identifier: Apache-2.0
"""What a job is told to do: the models behind the one canonical JSON string of its params.

A spec holds exactly the facts that can change the job's result, and nothing else, since Snakemake
runs a job again when this string has changed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from featherbench.records.base import Record
from featherbench.records.cell import Coordinates


class TestbedSpec(Record):
    """The machine's part: where the client is, addresses, CPUs.

    `guest_subnet` is empty for platforms without virtual machines: it does not concern them.
    """

    __test__ = False

    client: Literal["netns", "loopback"] = "netns"
    subnet: str = "198.18.0.0/24"
    container_subnet: str = "198.18.1.0/24"
    guest_subnet: str = ""
    server_cpus: tuple[int, ...] | Literal["auto"] = "auto"
    client_cpus: tuple[int, ...] | Literal["auto"] = "auto"


class TuningSpec(Record):
    """The paper's Table 3: what is set on the client's and the server's side."""

    net_sysctls: dict[str, str]
    nofile: Annotated[int, Field(ge=64)] | None
    file_max: Annotated[int, Field(ge=1024)] | None


class PlatformSpec(Record):
    """One platform: a technology on a host, reached in one way, with both's own settings."""

    name: str
    technology: str
    hypervisor: str
    network: str
    settings: dict[str, Any] = Field(default_factory=dict)
    hypervisor_settings: dict[str, Any] = Field(default_factory=dict)


class WorkloadSpec(Record):
    """One workload with its own settings, and the load generator for each app that it loads."""

    name: str
    load_generators: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)


class RootFilesystemSpec(Record):
    """The Debian root file system: its suite, and packages with the version that each must have."""

    suite: str
    packages: dict[str, str]
    code: str


class ImageSpec(Record):
    """One image to build, for a technology on the hypervisors of one family.

    `hypervisor` is one of them, always the same.
    `build_inputs` is empty unless the user brings the image: see `Technology.build_inputs`.
    """

    technology: str
    hypervisor: str
    service: str
    files_for: WorkloadSpec
    build_inputs: dict[str, Any] = Field(default_factory=dict)
    code: str


class DeploySpec(Record):
    """One deployment to start; also what its warm-up needs. `apps` are those of its images."""

    platform: PlatformSpec
    workload: WorkloadSpec
    services: tuple[str, ...]
    deployment: int
    testbed: TestbedSpec
    tuning: TuningSpec
    code: str

    def coordinates(self, concurrency: int = 1) -> Coordinates:
        """Where this lies in the matrix."""
        return Coordinates(
            platform=self.platform.name,
            technology=self.platform.technology,
            hypervisor=self.platform.hypervisor,
            network=self.platform.network,
            workload=self.workload.name,
            deployment=self.deployment,
            concurrency=concurrency,
        )


class MeasureSpec(DeploySpec):
    """One cell to measure."""

    concurrency: int
    windows: int
