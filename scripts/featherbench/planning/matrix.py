# SPDX-License-Identifier: Apache-2.0
"""Expands the configuration into the matrix: the plan, and what each job is told.

Everything here is pure but for asking the drivers what this host lacks.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from featherbench import registry
from featherbench.config.loading import raise_config_error
from featherbench.config.models import (
    DEFAULT_LOAD_GENERATORS,
    Config,
    PlatformConfig,
    WorkloadConfig,
)
from featherbench.errors import ConfigError
from featherbench.files import canonical_json
from featherbench.planning.code_digest import code_digest
from featherbench.records.job_specs import (
    DeploySpec,
    ImageSpec,
    MeasureSpec,
    PlatformSpec,
    RootFilesystemSpec,
    TestbedSpec,
    TuningSpec,
    WorkloadSpec,
)
from featherbench.records.plan import (
    Plan,
    PlannedPlatform,
    PlannedWorkload,
    StoppingRule,
)
from featherbench.records.requirement import MissingRequirement
from featherbench.records.stopping_decisions import LookSpec
from featherbench.rootfs import descriptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.config.models import Repetitions
    from featherbench.contracts.technology import Technology
    from featherbench.contracts.workload import Workload
    from featherbench.records.base import Record
    from featherbench.records.metric import Metric
    from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec

STAND_IN = "startup"
"""The app that is measured where a workload can do without a server, and there is none."""

DEFAULT_LEVELS = (1, 100)


def spec_json(spec: Record) -> str:
    """One canonical string: Snakemake compares params without looking at keys."""
    return canonical_json(spec.model_dump(mode="json"))


def _stopping_rule(repetitions: Repetitions) -> StoppingRule | None:
    if repetitions.target_ci_percent is None:
        return None
    return StoppingRule(
        precision=repetitions.target_ci_percent / 100,
        least=repetitions.min,
        most=repetitions.max,
        budget_s=repetitions.budget_s,
    )


class Matrix:
    """The configuration, expanded. Raises ConfigError where a name or a driver's key is wrong."""

    def __init__(self, config: Config, *, file: str) -> None:
        self.config = config
        self.file = file
        self.platforms = {spec.name: spec for spec in self._platform_specs()}
        self.workloads = {name: self._workload_spec(name) for name in config.workloads}
        if config.baseline not in self.platforms:
            raise ConfigError(
                f"{file}: 'baseline' is {config.baseline!r}, which is not among 'platforms'",
                remedy=f"choose one of {', '.join(self.platforms)}",
            )

    # --- names -------------------------------------------------------------------------------

    def _runner(self, name: str, hypervisor: str) -> Technology | None:
        """Give what runs a technology on a host; None when nothing here does."""
        known = registry.driver_files("technologies", self.config.plugins)
        hypervisors = registry.driver_files("hypervisors", self.config.plugins)
        if name not in known:
            raise self._no_platform(f"{name}-{hypervisor}", "technology", [*known])
        if hypervisor not in hypervisors:
            raise self._no_platform(f"{name}-{hypervisor}", "hypervisor", [*hypervisors])
        return registry.platform(
            name, hypervisor, self.config.plugins, self._hypervisor_settings(hypervisor)
        )

    @cache  # noqa: B019 - a matrix lives as long as its process
    def _hypervisor_settings(self, hypervisor: str) -> dict[str, Any]:
        """Give what is set of a host, its defaults included."""
        driver = registry.load("hypervisors", hypervisor, self.config.plugins)
        settings = driver.Settings.model_validate(self.config.hypervisors.get(hypervisor, {}))
        return settings.model_dump(mode="json")

    def _no_platform(self, platform: str, part: str, known: list[str]) -> ConfigError:
        return ConfigError(
            f"{self.file}: 'platforms' names {platform!r}, whose {part} does not exist",
            remedy=f"a platform is <technology>-<host>; each {part}: {', '.join(sorted(known))}",
        )

    def _platform_specs(self) -> Iterator[PlatformSpec]:
        for platform in self.config.platforms:
            driver = self._runner(platform.technology, platform.hypervisor)
            for network in self._networks(platform, driver):
                yield PlatformSpec(
                    name=platform.name + (f"+{network}" if platform.network else ""),
                    technology=platform.technology,
                    hypervisor=platform.hypervisor,
                    network=network,
                    settings=self._platform_settings(platform, driver),
                    hypervisor_settings=self._hypervisor_settings(platform.hypervisor),
                )

    def _networks(self, platform: PlatformConfig, driver: Technology | None) -> tuple[str, ...]:
        if driver is None:
            return platform.network or ("nat",)
        for network in platform.network:
            if network not in driver.networks:
                raise ConfigError(
                    f"{self.file}: {platform.name} cannot be reached by network {network!r}",
                    remedy=f"use one of {', '.join(driver.networks)}",
                )
        return platform.network or driver.networks[:1]

    def _platform_settings(
        self, platform: PlatformConfig, driver: Technology | None
    ) -> dict[str, Any]:
        if driver is None:
            return platform.settings
        try:
            settings = driver.Settings.model_validate(platform.settings)
        except ValidationError as error:
            raise_config_error(error, file=self.file, prefix=f"platforms.{platform.name}.settings.")
        return settings.model_dump(mode="json")

    def _workload_spec(self, name: str) -> WorkloadSpec:
        driver = registry.load("workloads", name, self.config.plugins)
        given = self.config.workloads.get(name, WorkloadConfig())
        self._check_only_where_it_sweeps(name, driver, given)
        try:
            settings = driver.Settings.model_validate(given.settings)
        except ValidationError as error:
            raise_config_error(error, file=self.file, prefix=f"workloads.{name}.settings.")
        return WorkloadSpec(
            name=name,
            load_generators={service: self._load_generator(service) for service in driver.loads},
            settings=settings.model_dump(mode="json"),
        )

    def _check_only_where_it_sweeps(
        self, name: str, driver: Workload, given: WorkloadConfig
    ) -> None:
        for key in ("concurrency", "load_generator"):
            if getattr(given, key) is not None and not driver.sweeps:
                raise ConfigError(
                    f"{self.file}: workload {name!r} has no {key}", remedy="remove this key"
                )

    def _load_generator(self, service: str) -> str:
        given = self.config.workloads.get(service, WorkloadConfig()).load_generator
        name = given or DEFAULT_LOAD_GENERATORS[service]
        driver = registry.load("loadgens", name, self.config.plugins)
        for lack in driver.missing_requirements():
            raise ConfigError(
                f"{self.file}: {service} needs load generator {name!r}: {lack.what}",
                remedy=lack.remedy,
            )
        if driver.service != service:
            raise ConfigError(
                f"{self.file}: load generator {name!r} does not speak {service}",
                remedy=f"use another one for workload {service}",
            )
        return name

    # --- the plan ----------------------------------------------------------------------------

    def _missing_requirements(self, platform: PlatformSpec) -> Iterator[MissingRequirement]:
        driver = self._runner(platform.technology, platform.hypervisor)
        if driver is None:
            yield MissingRequirement(
                what=f"{platform.technology} cannot run on {platform.hypervisor}",
                remedy="take it out of `platforms`, or choose another host",
            )
            return
        yield from driver.missing_requirements()
        unsupported_workloads = self._unsupported_workloads(platform)
        if len(unsupported_workloads) == len(self.workloads):
            yield from dict.fromkeys(unsupported_workloads.values())

    # --- which images there are --------------------------------------------------------------

    def _driver_of(self, platform: PlatformSpec) -> Technology | None:
        return self._runner(platform.technology, platform.hypervisor)

    @cache  # noqa: B019 - a matrix lives as long as its process
    def _available_images(self, platform: str) -> dict[str, list[MissingRequirement]] | None:
        """Say, by app, what a platform's image lacks; None where all can be built."""
        spec = self.platforms[platform]
        driver = self._driver_of(spec)
        if driver is None:
            return None
        images = driver.available_images(driver.Settings.model_validate(spec.settings))
        if images is None:
            return None
        return {service: list(missing) for service, missing in images.items()}

    def services_of(self, platform: str, workload: str) -> tuple[str, ...]:
        """Name the apps that a workload is measured with on a platform; none: it cannot be."""
        driver = self._workload_drivers[workload]
        available_images = self._available_images(platform)
        if available_images is None:
            return driver.services
        there = tuple(service for service in driver.services if available_images.get(service) == [])
        if there or driver.without_server == "no" or available_images.get(STAND_IN) != []:
            return there
        return (STAND_IN,) if driver.without_server == "image" or self._stays(platform) else ()

    def _stays(self, platform: str) -> bool:
        spec = self.platforms[platform]
        driver = self._driver_of(spec)
        assert driver is not None
        return driver.answers_pings(driver.Settings.model_validate(spec.settings))

    def _unsupported_workloads(self, platform: PlatformSpec) -> dict[str, MissingRequirement]:
        """Say, by workload, why a platform has no image that it could be measured with."""
        return {
            name: self._no_image(platform, name)
            for name in self.workloads
            if not self.services_of(platform.name, name)
        }

    def _other_services(self, platform: str) -> dict[str, tuple[str, ...]]:
        """Give the apps of each workload that is not measured with all of its own."""
        found = {name: self.services_of(platform, name) for name in self.workloads}
        return {
            name: services
            for name, services in found.items()
            if services != self._workload_drivers[name].services
        }

    def _no_image(self, platform: PlatformSpec, workload: str) -> MissingRequirement:
        services = self._workload_drivers[workload].services
        available_images = self._available_images(platform.name) or {}
        for lack in (each for service in services for each in available_images.get(service, ())):
            return MissingRequirement(what=lack.what, remedy=lack.remedy)
        return MissingRequirement(
            what=f"{platform.technology} has no image of {' or '.join(services)}",
            remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
        )

    def _planned_platform(self, platform: PlatformSpec) -> PlannedPlatform:
        folders = self.config.plugins
        hypervisor = registry.load("hypervisors", platform.hypervisor, folders)
        driver = self._runner(platform.technology, platform.hypervisor)
        return PlannedPlatform(
            name=platform.name,
            technology=platform.technology,
            hypervisor=platform.hypervisor,
            network=platform.network,
            image_owner=registry.image_owner(platform.technology, platform.hypervisor, folders),
            derived_root_filesystems=self._derived_root_filesystems(driver),
            virtualized=hypervisor.virtualized,
            emulated=hypervisor.emulated,
            fixed_memory=driver is not None and driver.fixed_memory,
            missing_requirements=tuple(
                MissingRequirement(what=lack.what, remedy=lack.remedy)
                for lack in self._missing_requirements(platform)
            ),
            unsupported_workloads=self._unsupported_workloads(platform),
            services=self._other_services(platform.name),
        )

    def _derived_root_filesystems(self, driver: Technology | None) -> tuple[str, ...]:
        needed = driver.root_filesystems if driver else ()
        return tuple(dict.fromkeys(one for name in needed for one in descriptions.chain(name)))

    def _planned_workload(self, name: str) -> PlannedWorkload:
        given = self.config.workloads[name]
        repetitions = given.repetitions or self.config.repetitions
        sweeps, until = self._workload_drivers[name].sweeps, _stopping_rule(repetitions)
        return PlannedWorkload(
            name=name,
            levels=(given.concurrency or DEFAULT_LEVELS) if sweeps else (1,),
            deployments=repetitions.max if until else repetitions.deployments,
            windows=repetitions.windows,
            settings=self.workloads[name].settings,
            until=until,
        )

    def _metrics(self) -> Iterator[Metric]:
        for name, driver in self._workload_drivers.items():
            settings = driver.Settings.model_validate(self.workloads[name].settings)
            yield from driver.metrics(settings)

    @cached_property
    def plan(self) -> Plan:
        """What was asked for, and what this host can run of it."""
        return Plan(
            config_file=self.file,
            config=self.config.model_dump(mode="json"),
            baseline=self.config.baseline,
            seed=self.config.seed,
            margin=self.config.analysis.equivalence_margin_percent / 100,
            precision=self.config.analysis.precision_percent / 100,
            platforms=tuple(map(self._planned_platform, self.platforms.values())),
            workloads=tuple(map(self._planned_workload, self.workloads)),
            metrics=tuple(dict.fromkeys(self._metrics())),
        )

    # --- what every cell asks for again ------------------------------------------------------

    @cached_property
    def _workload_drivers(self) -> dict[str, Workload]:
        return {
            name: registry.load("workloads", name, self.config.plugins)
            for name in self.config.workloads
        }

    @cached_property
    def _planned_workloads(self) -> dict[str, PlannedWorkload]:
        return {planned.name: planned for planned in self.plan.workloads}

    @cached_property
    def testbed(self) -> TestbedSpec:
        """Say what the machine's part is, but for virtual machines."""
        return TestbedSpec(**self.config.testbed.model_dump(exclude={"guest_subnet"}))

    def _guest_subnet(self, platform: PlatformSpec) -> str:
        """Give the guests' addresses; a unikernel that is a plain process is a guest, too."""
        plugins = self.config.plugins
        are_guests = (
            registry.load("hypervisors", platform.hypervisor, plugins).virtualized
            or registry.load("technologies", platform.technology, plugins).is_guest
        )
        return self.config.testbed.guest_subnet if are_guests else ""

    @cache  # noqa: B019 - a matrix lives as long as its process
    def _testbed_for(self, platform: str) -> TestbedSpec:
        subnet = self._guest_subnet(self.platforms[platform])
        return self.testbed.model_copy(update={"guest_subnet": subnet})

    @cached_property
    def _tuning(self) -> TuningSpec:
        return TuningSpec.model_validate(self.config.tuning.model_dump())

    # --- the specs ---------------------------------------------------------------------------

    def root_filesystem_spec(self) -> RootFilesystemSpec:
        """Say what the root file system is made from."""
        return RootFilesystemSpec(
            suite=self.config.root_filesystem.suite,
            packages=self.config.root_filesystem.packages,
            code=code_digest("root_filesystem"),
        )

    def derived_root_filesystem_spec(self, name: str) -> DerivedRootFilesystemSpec:
        """Return the spec of the derived root file system of that name."""
        return descriptions.spec(
            name,
            suite=self.config.root_filesystem.suite,
            code=code_digest("derived_root_filesystem"),
        )

    def _owner(self, owner: str) -> tuple[str, str]:
        """Give a technology and the host, of those that share its images, that stands for all."""
        technology, _, family = owner.partition("-")
        hypervisors = sorted(registry.driver_files("hypervisors", self.config.plugins))
        if family in hypervisors:
            return technology, family
        of_family = (
            name
            for name in hypervisors
            if registry.load("hypervisors", name, self.config.plugins).image_family == family
        )
        return technology, next(of_family)

    def image_spec(self, owner: str, service: str) -> ImageSpec:
        """Say what an image is made from: an app's files come from the workload of its name."""
        technology, hypervisor = self._owner(owner)
        drivers = (
            ("technologies", technology),
            ("hypervisors", hypervisor),
            ("workloads", service),
        )
        whole = self._workload_spec(service).settings
        in_image = registry.load("workloads", service, self.config.plugins).in_image
        return ImageSpec(
            technology=technology,
            hypervisor=hypervisor,
            service=service,
            files_for=WorkloadSpec(name=service, settings={key: whole[key] for key in in_image}),
            build_inputs=self._build_inputs(owner, service),
            code=code_digest("build_image", drivers, self.config.plugins),
        )

    def _build_inputs(self, owner: str, service: str) -> dict[str, Any]:
        """Say what the user's own image is made from; such images are owned by one platform."""
        for platform in self.platforms.values():
            driver = self._driver_of(platform)
            if driver is not None and driver.user_images and self._image_owner(platform) == owner:
                settings = driver.Settings.model_validate(platform.settings)
                return dict(driver.build_inputs(service, settings))
        return {}

    def _image_owner(self, platform: PlatformSpec) -> str:
        return registry.image_owner(platform.technology, platform.hypervisor, self.config.plugins)

    def _facts(self, script: str, platform: str, workload: str, deployment: int) -> dict[str, Any]:
        place, task = self.platforms[platform], self.workloads[workload]
        drivers = (
            ("technologies", place.technology),
            ("hypervisors", place.hypervisor),
            ("workloads", task.name),
            *(("loadgens", name) for name in sorted(task.load_generators.values())),
        )
        return {
            "platform": place,
            "workload": task,
            "services": self.services_of(platform, workload),
            "deployment": deployment,
            "testbed": self._testbed_for(platform),
            "tuning": self._tuning,
            "code": code_digest(script, drivers, self.config.plugins),
        }

    def deploy_spec(
        self, script: str, *, platform: str, workload: str, deployment: int
    ) -> DeploySpec:
        """Say what the job `script` (deploy or warmup) of one deployment is told."""
        return DeploySpec(**self._facts(script, platform, workload, deployment))

    def measure_spec(
        self, *, platform: str, workload: str, deployment: int, concurrency: int
    ) -> MeasureSpec:
        """Say what the measure job of one cell is told."""
        return MeasureSpec(
            **self._facts("measure", platform, workload, deployment),
            concurrency=concurrency,
            windows=self._planned_workloads[workload].windows,
        )

    def look_spec(self, *, platform: str, workload: str, deployment: int) -> LookSpec:
        """Say what the job that looks whether that many deployments are enough is told."""
        planned = self._planned_workloads[workload]
        assert planned.until is not None, f"the number of deployments of {workload} is fixed"
        return LookSpec(
            platform=platform,
            workload=workload,
            deployment=deployment,
            levels=planned.levels,
            rule=planned.until,
            code=code_digest("interim_look"),
        )

    def images_of(self, platform: str, workload: str) -> list[tuple[str, str]]:
        """Owner and app of each image that a cell needs; see `plugins.image_owner`."""
        owner = self._image_owner(self.platforms[platform])
        return [(owner, service) for service in self.services_of(platform, workload)]

    def uses_lease(self, workload: str) -> bool:
        """Whether its cells are measured against a deployed and warmed-up instance."""
        return self._workload_drivers[workload].uses_lease

    def root_filesystems(self, owner: str) -> tuple[str, ...]:
        """Name the root file systems that images of an owner are made from."""
        driver = self._runner(*self._owner(owner))
        assert driver is not None, f"images are built for what can run, and {owner} cannot"
        return driver.root_filesystems

    def nominal_duration_s(self, workload: str) -> float:
        """About how long one cell takes."""
        driver = self._workload_drivers[workload]
        settings = driver.Settings.model_validate(self.workloads[workload].settings)
        return driver.nominal_duration_s(settings, self._planned_workloads[workload].windows)
