# SPDX-License-Identifier: Apache-2.0
"""The specs of jobs: what `results/specs/` holds, and what Snakemake compares.

A spec holds exactly the facts that can change the job's result, and nothing else: Snakemake reruns
a job when its spec has changed. Parts that the user sets have their defaults and descriptions here.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from featherbench.records.base import Record
from featherbench.records.cell import Coordinates
from featherbench.records.load_point import ONE_CONNECTION, LoadPoint
from featherbench.records.tuning import Tuning
from featherbench.user_input import EACH_ONCE, PackageName, PackageVersion, SuiteName, UserInput

CpuList = Annotated[
    tuple[Annotated[int, Field(ge=0, le=8191)], ...], Field(min_length=1), EACH_ONCE
]


class TestbedSpec(UserInput, Record):
    """The machine's part in the measurement."""

    __test__ = False

    client: Literal["netns", "loopback"] = "netns"
    """`netns`: the load comes from a network namespace of its own, which needs root. `loopback`: it
    comes from the server's own network, to try things out; windows of load are then suspect."""
    subnet: str = "198.18.0.0/24"
    """Addresses of client and server, out of 198.18.0.0/15."""
    container_subnet: str = "198.18.1.0/24"
    """Addresses of containers on networks that featherbench makes, out of 198.18.0.0/15. It is
    divided into eighths, one for each technology."""
    guest_subnet: str = "198.18.2.0/24"
    """Addresses of virtual machines on this machine, out of 198.18.0.0/15. Its second half is for
    the containers inside them."""
    server_cpus: CpuList | Literal["auto"] = "auto"
    """CPUs of the server; `auto`: half of the cores, or what the client leaves."""
    client_cpus: CpuList | Literal["auto"] = "auto"
    """CPUs of the load generator; `auto`: the other half, or what the server leaves."""


class RootFilesystemSource(UserInput, Record):
    """The one Debian root file system that nginx and Redis come from."""

    suite: SuiteName = "bookworm"
    """Debian's name of the release."""
    packages: dict[PackageName, PackageVersion] = Field(
        default={"nginx-light": "1.22.1*", "redis-server": "5:7.0.15*", "redis-tools": "5:7.0.15*"}
    )
    """Packages, each with the version it must have; `*` stands for Debian's own revision."""


class RootFilesystemSpec(RootFilesystemSource):
    """The base root file system to build."""

    code: str


class PlatformSpec(Record):
    """One platform: a technology on a hypervisor, reached in one way, with both's own settings."""

    name: str
    technology: str
    hypervisor: str
    network: str
    settings: dict[str, Any] = Field(default_factory=dict)
    hypervisor_settings: dict[str, Any] = Field(default_factory=dict)


class WorkloadSpec(Record):
    """One workload with its settings, and the load generator of each service that it loads."""

    name: str
    load_generators: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)


class ImageSpec(Record):
    """One image to build, for a technology on the hypervisors of one family.

    `hypervisor` is one of the family, always the same one. `build_inputs` is empty unless the user
    brings the image; see `Technology.build_inputs`.
    """

    technology: str
    hypervisor: str
    service: str
    files_for: WorkloadSpec
    build_inputs: dict[str, Any] = Field(default_factory=dict)
    code: str


class DeploySpec(Record):
    """One deployment to start or to warm up; it needs an image of each of `services`.

    `testbed.guest_subnet` is empty for platforms that have no address of it.
    """

    platform: PlatformSpec
    workload: WorkloadSpec
    services: tuple[str, ...]
    deployment: int
    testbed: TestbedSpec
    tuning: Tuning
    code: str

    def coordinates(self, load_point: LoadPoint = ONE_CONNECTION) -> Coordinates:
        """Return the coordinates of a cell of this deployment."""
        return Coordinates(
            platform=self.platform.name,
            technology=self.platform.technology,
            hypervisor=self.platform.hypervisor,
            network=self.platform.network,
            workload=self.workload.name,
            deployment=self.deployment,
            load_point=load_point,
        )


class MeasureSpec(DeploySpec):
    """One cell to measure; `connections` are open in it."""

    load_point: LoadPoint
    connections: int
    windows: int
