# SPDX-License-Identifier: Apache-2.0
"""Makes the spec of each job: the facts that its result depends on, and no others.

Snakemake compares specs as params, as text, and jobs get them as files.
"""

from pathlib import Path
from typing import Any, Self

from featherbench import registry
from featherbench.files import canonical_json, write_atomic
from featherbench.planning.code_digest import code_digest
from featherbench.planning.resolve import ResolvedConfig, resolve_workload
from featherbench.records.base import Record
from featherbench.records.job_specs import (
    DeploySpec,
    ImageSpec,
    MeasureSpec,
    RootFilesystemSpec,
    TestbedSpec,
    WorkloadSpec,
)
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.plan import CellName, Plan, PlannedPlatform
from featherbench.records.stopping_decisions import InterimLookSpec
from featherbench.rootfs import descriptions
from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec


def spec_json(spec: Record) -> str:
    """Return a spec as one canonical string: Snakemake compares params without their keys."""
    return canonical_json(spec.model_dump(mode="json"))


class JobSpecs:
    """The specs of all jobs of a plan."""

    def __init__(self, resolved: ResolvedConfig, plan: Plan) -> None:
        self._resolved = resolved
        self._config = resolved.config
        self._workloads = {workload.name: workload for workload in plan.workloads}
        self._services = {platform.name: platform.services for platform in plan.platforms}
        self.testbed = TestbedSpec(**self._config.testbed.model_dump())

    # Root file systems and images

    def root_filesystem(self) -> RootFilesystemSpec:
        """Return the spec of the base root file system."""
        return RootFilesystemSpec(
            **self._config.root_filesystem.model_dump(), code=code_digest("root_filesystem")
        )

    def derived_root_filesystem(self, name: str) -> DerivedRootFilesystemSpec:
        """Return the spec of a derived root file system."""
        suite = self._config.root_filesystem.suite
        return descriptions.spec(name, suite=suite, code=code_digest("derived_root_filesystem"))

    def image(self, owner: str, service: str) -> ImageSpec:
        """Return the spec of an image; its files come from the workload of the service's name."""
        technology, hypervisor = self._builder(owner)
        drivers = ("technologies", technology), ("hypervisors", hypervisor), ("workloads", service)
        workload = resolve_workload(self._config, service, file=self._resolved.file)
        settings = {key: workload.spec.settings[key] for key in workload.driver.in_image}
        platforms = self._resolved.platforms.values()
        inputs = (p.build_inputs(service) for p in platforms if p.image_owner == owner)
        return ImageSpec(
            technology=technology,
            hypervisor=hypervisor,
            service=service,
            files_for=WorkloadSpec(name=service, settings=settings),
            build_inputs=next(inputs, {}),
            code=code_digest("build_image", drivers, self._config.plugins),
        )

    def _builder(self, owner: str) -> tuple[str, str]:
        """Return technology and hypervisor that build an owner's images, always the same ones."""
        technology, _, family = owner.partition("-")
        hypervisors = sorted(registry.driver_files("hypervisors", self._config.plugins))
        if family in hypervisors:
            return technology, family
        drivers = {n: registry.load("hypervisors", n, self._config.plugins) for n in hypervisors}
        return technology, next(n for n in drivers if drivers[n].image_family == family)

    def images_of(self, platform: str, workload: str) -> list[tuple[str, str]]:
        """Return owner and service of each image that a cell needs; see registry.image_owner."""
        owner = self._resolved.platforms[platform].image_owner
        return [(owner, service) for service in self._services[platform][workload]]

    def root_filesystems_of(self, owner: str) -> tuple[str, ...]:
        """Return the names of the root file systems that an owner's images are made from."""
        driver = registry.platform(*self._builder(owner), self._config.plugins)
        assert driver is not None, f"images are built for what can run, and {owner} cannot"
        return driver.root_filesystems

    # Deployments and cells

    def deployment(
        self, script: str, *, platform: str, workload: str, deployment: int
    ) -> DeploySpec:
        """Return the spec of the job `script` (deploy or warmup) of a deployment."""
        return DeploySpec(**self._facts(script, platform, workload, deployment))

    def cell(
        self, *, platform: str, workload: str, deployment: int, load_point: LoadPoint
    ) -> MeasureSpec:
        """Return the spec of the job that measures a cell."""
        is_closed = load_point.axis is Axis.CONNECTIONS
        section = self._config.workloads[workload]
        return MeasureSpec(
            **self._facts("measure", platform, workload, deployment),
            load_point=load_point,
            connections=load_point.level if is_closed else section.rate_connections,
            windows=self._workloads[workload].windows,
        )

    def _facts(self, script: str, platform: str, workload: str, deployment: int) -> dict[str, Any]:
        place, task = self._resolved.platforms[platform], self._resolved.workloads[workload]
        drivers = (
            ("technologies", place.spec.technology),
            ("hypervisors", place.spec.hypervisor),
            ("workloads", task.spec.name),
            *(("loadgens", name) for name in sorted(task.spec.load_generators.values())),
        )
        return {
            "platform": place.spec,
            "workload": task.spec,
            "services": self._services[platform][workload],
            "deployment": deployment,
            "testbed": self.testbed_of(platform),
            "tuning": self._config.tuning,
            "code": code_digest(script, drivers, self._config.plugins),
        }

    def testbed_of(self, platform: str) -> TestbedSpec:
        """Return the machine's part in a platform's cells."""
        is_guest = self._resolved.platforms[platform].is_guest
        subnet = self._config.testbed.guest_subnet if is_guest else ""
        return self.testbed.model_copy(update={"guest_subnet": subnet})

    def reach(self, workload: str) -> CellName:
        """Return the cell that shows the rate which others are given in percent of."""
        reach = self._config.workloads[workload].reach
        return CellName(self._config.baseline, workload, 1, reach)

    def uses_lease(self, workload: str) -> bool:
        """Return whether cells are measured against a deployed and warmed-up instance."""
        return self._resolved.workloads[workload].driver.uses_lease

    def nominal_duration_s(self, workload: str, platform: PlannedPlatform) -> float:
        """Return about how long one cell takes."""
        resolved = self._resolved.workloads[workload]
        windows = self._workloads[workload].windows
        return resolved.driver.nominal_duration_s(resolved.settings, windows, platform)

    # Interim looks

    def interim_look(self, *, platform: str, workload: str, deployment: int) -> InterimLookSpec:
        """Return the spec of the interim look after a deployment."""
        planned = self._workloads[workload]
        assert planned.until is not None, f"the number of deployments of {workload} is fixed"
        return InterimLookSpec(
            platform=platform,
            workload=workload,
            deployment=deployment,
            load_points=planned.load_points,
            rule=planned.until,
            code=code_digest("interim_look"),
        )


FOLDER = Path("results/specs")


class SpecParam(str):
    """A spec's canonical JSON. `{params.spec:file}` in a command stands for a file with it.

    Snakemake formats a command directly before it runs it, in the process that runs it: the file is
    written there and then, so that it always holds the params that Snakemake compares and records,
    also on another machine and after a killed run. In a dry run nothing is written.
    """

    __slots__ = ("dry_run", "file")
    file: Path
    dry_run: bool

    def __new__(cls, content: str, *, job: str, dry_run: bool) -> Self:
        """Return the param of a job, such as `measure/linux-native/http/d1/c1`."""
        param = super().__new__(cls, content)
        param.file = FOLDER / f"{job}.json"
        param.dry_run = dry_run
        return param

    def __format__(self, format_spec: str) -> str:
        if format_spec != "file":
            return super().__format__(format_spec)
        if not self.dry_run and not (
            self.file.exists() and self.file.read_text(encoding="utf-8") == self
        ):
            write_atomic(self.file, self)
        return str(self.file)
