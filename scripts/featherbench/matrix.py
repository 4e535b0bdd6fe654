# SPDX-License-Identifier: Apache-2.0
"""Expands the configuration into the matrix: the plan, and what each job is told.

Everything here is pure but for asking the drivers what this host lacks.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from featherbench import plugins, variants
from featherbench.codehash import RESOURCES, code_digest, folder_digest
from featherbench.config import (
    DEFAULT_LOAD_GENERATORS,
    Config,
    PlatformConfig,
    WorkloadConfig,
    explain,
)
from featherbench.errors import ConfigError
from featherbench.files import canonical_json, digest
from featherbench.plan import Plan, PlannedLack, PlannedPlatform, PlannedWorkload, StoppingRule
from featherbench.platforms.contract import OwnImages
from featherbench.spec import (
    DeploySpec,
    ImageSpec,
    MeasureSpec,
    PlatformSpec,
    RootFilesystemSpec,
    TestbedSpec,
    TuningSpec,
    WorkloadSpec,
)
from featherbench.stopping import LookSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.config import Repetitions
    from featherbench.platforms.contract import Lack, Technology
    from featherbench.record import Record
    from featherbench.variants import RootVariantSpec
    from featherbench.workloads.contract import Workload

STAND_IN = "startup"
"""The app that is measured where a workload can do without a server, and there is none."""

DEFAULT_LEVELS = (1, 100)


def spec_json(spec: Record) -> str:
    """One canonical string: Snakemake compares params without looking at keys."""
    return canonical_json(spec.model_dump(mode="json"))


def _stopping_rule(repetitions: Repetitions) -> StoppingRule | None:
    if repetitions.until_percent is None:
        return None
    return StoppingRule(
        precision=repetitions.until_percent / 100,
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

    def _runner(self, name: str, host: str) -> Technology | None:
        """Give what runs a technology on a host; None when nothing here does."""
        known = plugins.driver_files("platforms", self.config.plugins)
        hosts = plugins.driver_files("hosts", self.config.plugins)
        if name not in known:
            raise self._no_platform(f"{name}-{host}", "technology", [*known])
        if host not in hosts:
            raise self._no_platform(f"{name}-{host}", "host", [*hosts])
        return plugins.platform(name, host, self.config.plugins, self._host_settings(host))

    @cache  # noqa: B019 - a matrix lives as long as its process
    def _host_settings(self, host: str) -> dict[str, Any]:
        """Give what is set of a host, its defaults included."""
        driver = plugins.host(host, self.config.plugins)
        settings = driver.Settings.model_validate(self.config.hosts.get(host, {}))
        return settings.model_dump(mode="json")

    def _no_platform(self, platform: str, part: str, known: list[str]) -> ConfigError:
        return ConfigError(
            f"{self.file}: 'platforms' names {platform!r}, whose {part} does not exist",
            remedy=f"a platform is <technology>-<host>; each {part}: {', '.join(sorted(known))}",
        )

    def _platform_specs(self) -> Iterator[PlatformSpec]:
        for platform in self.config.platforms:
            driver = self._runner(platform.technology, platform.host)
            for network in self._networks(platform, driver):
                yield PlatformSpec(
                    name=platform.name + (f"+{network}" if platform.network else ""),
                    technology=platform.technology,
                    host=platform.host,
                    network=network,
                    settings=self._platform_settings(platform, driver),
                    host_settings=self._host_settings(platform.host),
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
            explain(error, file=self.file, prefix=f"platforms.{platform.name}.settings.")
        return settings.model_dump(mode="json")

    def _workload_spec(self, name: str) -> WorkloadSpec:
        driver = plugins.workload(name, self.config.plugins)
        given = self.config.workloads.get(name, WorkloadConfig())
        self._check_only_where_it_sweeps(name, driver, given)
        try:
            settings = driver.Settings.model_validate(given.settings)
        except ValidationError as error:
            explain(error, file=self.file, prefix=f"workloads.{name}.settings.")
        return WorkloadSpec(
            name=name,
            load_generators={app: self._load_generator(app) for app in driver.loads},
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

    def _load_generator(self, app: str) -> str:
        given = self.config.workloads.get(app, WorkloadConfig()).load_generator
        name = given or DEFAULT_LOAD_GENERATORS[app]
        driver = plugins.load_generator(name, self.config.plugins)
        for lack in driver.lacks():
            raise ConfigError(
                f"{self.file}: {app} needs load generator {name!r}: {lack.what}", remedy=lack.remedy
            )
        if driver.app != app:
            raise ConfigError(
                f"{self.file}: load generator {name!r} does not speak {app}",
                remedy=f"use another one for workload {app}",
            )
        return name

    # --- the plan ----------------------------------------------------------------------------

    def _lacks(self, platform: PlatformSpec) -> Iterator[Lack | PlannedLack]:
        driver = self._runner(platform.technology, platform.host)
        if driver is None:
            yield PlannedLack(
                what=f"{platform.technology} cannot run on {platform.host}",
                remedy="take it out of `platforms`, or choose another host",
            )
            return
        yield from driver.lacks()
        without = self._without(platform)
        if len(without) == len(self.workloads):
            yield from dict.fromkeys(without.values())

    # --- which images there are --------------------------------------------------------------

    def _driver_of(self, platform: PlatformSpec) -> Technology | None:
        return self._runner(platform.technology, platform.host)

    @cache  # noqa: B019 - a matrix lives as long as its process
    def _offered(self, platform: str) -> dict[str, list[Lack]] | None:
        """Say, by app, what a platform's image lacks; None where all can be built."""
        spec = self.platforms[platform]
        driver = self._driver_of(spec)
        if driver is None or not isinstance(driver, OwnImages):
            return None
        settings = driver.Settings.model_validate(spec.settings)
        return {app: list(lacks) for app, lacks in driver.offered(settings).items()}

    def apps_of(self, platform: str, workload: str) -> tuple[str, ...]:
        """Name the apps that a workload is measured with on a platform; none: it cannot be."""
        driver = self._workload_drivers[workload]
        offered = self._offered(platform)
        if offered is None:
            return driver.apps
        there = tuple(app for app in driver.apps if offered.get(app) == [])
        if there or driver.without_server == "no" or offered.get(STAND_IN) != []:
            return there
        return (STAND_IN,) if driver.without_server == "image" or self._stays(platform) else ()

    def _stays(self, platform: str) -> bool:
        spec = self.platforms[platform]
        driver = self._driver_of(spec)
        assert isinstance(driver, OwnImages)
        return driver.stays(driver.Settings.model_validate(spec.settings))

    def _without(self, platform: PlatformSpec) -> dict[str, PlannedLack]:
        """Say, by workload, why a platform has no image that it could be measured with."""
        return {
            name: self._no_image(platform, name)
            for name in self.workloads
            if not self.apps_of(platform.name, name)
        }

    def _other_apps(self, platform: str) -> dict[str, tuple[str, ...]]:
        """Give the apps of each workload that is not measured with all of its own."""
        found = {name: self.apps_of(platform, name) for name in self.workloads}
        return {
            name: apps for name, apps in found.items() if apps != self._workload_drivers[name].apps
        }

    def _no_image(self, platform: PlatformSpec, workload: str) -> PlannedLack:
        apps = self._workload_drivers[workload].apps
        offered = self._offered(platform.name) or {}
        for lack in (each for app in apps for each in offered.get(app, ())):
            return PlannedLack(what=lack.what, remedy=lack.remedy)
        return PlannedLack(
            what=f"{platform.technology} has no image of {' or '.join(apps)}",
            remedy="describe one in the platform's settings, `images`: see docs/unikernels.md",
        )

    def _planned_platform(self, platform: PlatformSpec) -> PlannedPlatform:
        folders = self.config.plugins
        host = plugins.host(platform.host, folders)
        driver = self._runner(platform.technology, platform.host)
        return PlannedPlatform(
            name=platform.name,
            technology=platform.technology,
            host=platform.host,
            network=platform.network,
            image_owner=plugins.image_owner(platform.technology, platform.host, folders),
            root_variants=self._root_variants(driver),
            virtualized=host.virtualized,
            emulated=host.emulated,
            fixed_memory=driver is not None and driver.fixed_memory,
            lacks=tuple(
                PlannedLack(what=lack.what, remedy=lack.remedy) for lack in self._lacks(platform)
            ),
            without=self._without(platform),
            apps=self._other_apps(platform.name),
        )

    def _root_variants(self, driver: Technology | None) -> tuple[str, ...]:
        needed = driver.root_filesystems if driver else ()
        return tuple(dict.fromkeys(one for name in needed for one in variants.chain(name)))

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

    @cached_property
    def plan(self) -> Plan:
        """What was asked for, and what this host can run of it."""
        return Plan(
            config_file=self.file,
            config=self.config.model_dump(mode="json"),
            baseline=self.config.baseline,
            seed=self.config.seed,
            margin=self.config.analysis.margin_percent / 100,
            precision=self.config.analysis.precision_percent / 100,
            platforms=tuple(map(self._planned_platform, self.platforms.values())),
            workloads=tuple(map(self._planned_workload, self.workloads)),
        )

    # --- what every cell asks for again ------------------------------------------------------

    @cached_property
    def _workload_drivers(self) -> dict[str, Workload]:
        return {name: plugins.workload(name, self.config.plugins) for name in self.config.workloads}

    @cached_property
    def _planned_workloads(self) -> dict[str, PlannedWorkload]:
        return {planned.name: planned for planned in self.plan.workloads}

    @cached_property
    def testbed(self) -> TestbedSpec:
        """Say what the machine's part is, but for virtual machines."""
        return TestbedSpec(**self.config.testbed.model_dump(exclude={"guest_subnet"}))

    def _guest_subnet(self, platform: PlatformSpec) -> str:
        """Give the guests' addresses; a unikernel that is a plain process is a guest, too."""
        virtualized = plugins.host(platform.host, self.config.plugins).virtualized
        are_guests = virtualized or isinstance(self._driver_of(platform), OwnImages)
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
        resources = "".join(folder_digest(RESOURCES / name) for name in ("probe", "rootfs"))
        return RootFilesystemSpec(
            suite=self.config.root_filesystem.suite,
            packages=self.config.root_filesystem.packages,
            code=digest((code_digest("root_filesystem") + resources).encode())[:16],
        )

    def root_variant_spec(self, name: str) -> RootVariantSpec:
        """Say what the root file system of that name is made from, over the one below it."""
        return variants.spec(
            name, suite=self.config.root_filesystem.suite, code=code_digest("root_variant")
        )

    def _owner(self, owner: str) -> tuple[str, str]:
        """Give a technology and the host, of those that share its images, that stands for all."""
        technology, _, family = owner.partition("-")
        hosts = sorted(plugins.driver_files("hosts", self.config.plugins))
        if family in hosts:
            return technology, family
        of_family = (
            name for name in hosts if plugins.host(name, self.config.plugins).image_family == family
        )
        return technology, next(of_family)

    def image_spec(self, owner: str, app: str) -> ImageSpec:
        """Say what an image is made from: an app's files come from the workload of its name."""
        technology, host = self._owner(owner)
        drivers = (("platforms", technology), ("hosts", host), ("workloads", app))
        whole = self._workload_spec(app).settings
        in_image = plugins.workload(app, self.config.plugins).in_image
        return ImageSpec(
            technology=technology,
            host=host,
            app=app,
            files_for=WorkloadSpec(name=app, settings={key: whole[key] for key in in_image}),
            recipe=self._recipe(owner, app),
            code=code_digest("build_image", drivers, self.config.plugins),
        )

    def _recipe(self, owner: str, app: str) -> dict[str, Any]:
        """Say what the user's own image is made from; such images are owned by one platform."""
        for platform in self.platforms.values():
            driver = self._driver_of(platform)
            if isinstance(driver, OwnImages) and self._image_owner(platform) == owner:
                settings = driver.Settings.model_validate(platform.settings)
                return dict(driver.recipe(app, settings))
        return {}

    def _image_owner(self, platform: PlatformSpec) -> str:
        return plugins.image_owner(platform.technology, platform.host, self.config.plugins)

    def _facts(self, script: str, platform: str, workload: str, deployment: int) -> dict[str, Any]:
        place, task = self.platforms[platform], self.workloads[workload]
        drivers = (
            ("platforms", place.technology),
            ("hosts", place.host),
            ("workloads", task.name),
            *(("loadgens", name) for name in sorted(task.load_generators.values())),
        )
        return {
            "platform": place,
            "workload": task,
            "apps": self.apps_of(platform, workload),
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
            code=code_digest("enough"),
        )

    def images_of(self, platform: str, workload: str) -> list[tuple[str, str]]:
        """Owner and app of each image that a cell needs; see `plugins.image_owner`."""
        owner = self._image_owner(self.platforms[platform])
        return [(owner, app) for app in self.apps_of(platform, workload)]

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
