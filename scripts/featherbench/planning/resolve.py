# SPDX-License-Identifier: Apache-2.0
"""Resolves the names in the configuration: to drivers, and to their checked settings.

Everything downstream (plan, job specs) uses the result. A wrong name or key is a ConfigError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from featherbench import registry
from featherbench.config.loading import naming, raise_config_error
from featherbench.config.models import (
    DEFAULT_LOAD_GENERATORS,
    SWEPT_KEYS,
    Config,
    PlatformConfig,
    WorkloadConfig,
)
from featherbench.contracts.load_generator import LoadGenerator
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import Technology
from featherbench.contracts.workload import Workload
from featherbench.errors import ConfigError
from featherbench.records.job_specs import PlatformSpec, WorkloadSpec
from featherbench.records.load_point import ONE_CONNECTION, LoadPoint
from featherbench.records.requirement import MissingRequirement
from featherbench.registry import Kind
from featherbench.user_input import shortened

MOST_CELLS = 100_000
"""Planning them takes a second; the paper has about 20,000."""
STAND_IN = "startup"
"""The service that workloads which need no server fall back on, where there is no other image."""


@dataclass(frozen=True, kw_only=True)
class ResolvedWorkload:
    """A workload with its driver, its settings, and what it is swept over."""

    spec: WorkloadSpec
    driver: Workload
    settings: DriverSettings
    load_points: tuple[LoadPoint, ...]

    @property
    def services(self) -> tuple[str, ...]:
        """The services whose images it needs."""
        return self.driver.services_for(self.settings)


@dataclass(frozen=True, kw_only=True)
class ResolvedPlatform:
    """A platform with its driver; `driver` is None if the hypervisor cannot run the technology.

    `settings` are the technology's; None if there is no driver that could check them.
    """

    spec: PlatformSpec
    driver: Technology | None
    settings: DriverSettings | None
    image_owner: str
    virtualized: bool
    emulated: bool
    is_guest: bool
    """Whether it has an address of the guests, as unikernels that are plain processes also do."""

    @property
    def name(self) -> str:
        """The name in plan and results: with the network, if the configuration sets one."""
        return self.spec.name

    @cached_property
    def available_images(self) -> Mapping[str, Sequence[MissingRequirement]] | None:
        """By service, what the user's image lacks; None if all images are built here."""
        if self.driver is None:
            return None
        return self.driver.available_images(self._checked_settings)

    @property
    def _checked_settings(self) -> DriverSettings:
        assert self.settings is not None, f"{self.name} has no driver to check its settings"
        return self.settings

    def services_for(self, workload: ResolvedWorkload) -> tuple[str, ...]:
        """Return the services that a workload is measured with; none if it cannot be measured."""
        services = workload.services
        if self.available_images is None:
            return services
        available = {name for name, missing in self.available_images.items() if not missing}
        usable = tuple(service for service in services if service in available)
        fallback = workload.driver.without_server
        if usable or fallback == "no" or STAND_IN not in available:
            return usable
        pinged = self.driver is not None and self.driver.answers_pings(self._checked_settings)
        return (STAND_IN,) if fallback == "image" or pinged else ()

    def build_inputs(self, service: str) -> dict[str, Any]:
        """Return what the user's own image is made from; empty for images that are built here."""
        if self.driver is None:
            return {}
        return dict(self.driver.build_inputs(service, self._checked_settings))


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig:
    """The configuration with every name resolved."""

    config: Config
    file: str
    platforms: Mapping[str, ResolvedPlatform]
    workloads: Mapping[str, ResolvedWorkload]


def resolve(config: Config, *, file: str) -> ResolvedConfig:
    """Resolve a configuration that was read from `file`. Raise ConfigError."""
    with naming(file):
        platforms = {resolved.name: resolved for resolved in _resolve_platforms(config, file)}
        workloads = {name: resolve_workload(config, name, file=file) for name in config.workloads}
    if config.baseline not in platforms:
        raise ConfigError(
            f"{file}: 'baseline' is {shortened(config.baseline)}, which is not among 'platforms'",
            remedy=f"choose one of {', '.join(platforms)}",
        )
    _require_moderate(config, workloads, len(platforms), file)
    return ResolvedConfig(config=config, file=file, platforms=platforms, workloads=workloads)


def _require_moderate(
    config: Config, workloads: Mapping[str, ResolvedWorkload], platforms: int, file: str
) -> None:
    cells = 0
    for name, section in config.workloads.items():
        repetitions = section.repetitions or config.repetitions
        fixed = repetitions.target_ci_percent is None
        deployments = repetitions.deployments if fixed else repetitions.max
        cells += platforms * deployments * len(workloads[name].load_points)
    if cells > MOST_CELLS:
        raise ConfigError(
            f"{file} asks for {cells} cells, more than {MOST_CELLS}",
            remedy="ask for fewer deployments, load points or platforms",
        )


def _resolve_platforms(config: Config, file: str) -> Iterator[ResolvedPlatform]:
    for platform in config.platforms:
        _check_parts(platform, config, file)
        names = (platform.technology, platform.hypervisor, config.plugins)
        technology = registry.load("technologies", platform.technology, config.plugins)
        hypervisor = registry.load("hypervisors", platform.hypervisor, config.plugins)
        hypervisor_settings = hypervisor.Settings.model_validate(
            config.hypervisors.get(platform.hypervisor, {})
        ).model_dump(mode="json")
        driver = registry.platform(*names, hypervisor_settings)
        settings = _settings(driver, platform, file) if driver else None
        for network in _networks(platform, driver, file):
            yield ResolvedPlatform(
                spec=PlatformSpec(
                    name=platform.name + (f"+{network}" if platform.network else ""),
                    technology=platform.technology,
                    hypervisor=platform.hypervisor,
                    network=network,
                    settings=settings.model_dump(mode="json") if settings else platform.settings,
                    hypervisor_settings=hypervisor_settings,
                ),
                driver=driver,
                settings=settings,
                image_owner=registry.image_owner(*names),
                virtualized=hypervisor.virtualized,
                emulated=hypervisor.emulated,
                is_guest=hypervisor.virtualized or technology.is_guest,
            )


def _check_parts(platform: PlatformConfig, config: Config, file: str) -> None:
    parts: tuple[tuple[str, str, Kind], ...] = (
        ("technology", platform.technology, "technologies"),
        ("hypervisor", platform.hypervisor, "hypervisors"),
    )
    for part, name, kind in parts:
        known = registry.driver_files(kind, config.plugins)
        if name not in known:
            raise ConfigError(
                f"{file}: 'platforms' names {platform.name!r}, whose {part} does not exist",
                remedy=f"a platform is <technology>-<hypervisor>; each {part}: "
                + ", ".join(sorted(known)),
            )


def _settings(driver: Technology, platform: PlatformConfig, file: str) -> DriverSettings:
    try:
        return driver.Settings.model_validate(platform.settings)
    except ValidationError as error:
        raise_config_error(error, file=file, prefix=f"platforms.{platform.name}.settings.")


def _networks(platform: PlatformConfig, driver: Technology | None, file: str) -> tuple[str, ...]:
    if driver is None:
        return platform.network or ("nat",)
    for network in platform.network:
        if network not in driver.networks:
            raise ConfigError(
                f"{file}: {platform.name} cannot be reached by network {network!r}",
                remedy=f"use one of {', '.join(driver.networks)}",
            )
    return platform.network or driver.networks[:1]


def resolve_workload(config: Config, name: str, *, file: str) -> ResolvedWorkload:
    """Resolve one workload, with default settings if the configuration does not have it."""
    driver = registry.load("workloads", name, config.plugins)
    section = config.workloads.get(name, WorkloadConfig())
    _require(driver, f"{file}: workload {name!r}")
    for key in SWEPT_KEYS:
        if getattr(section, key) is not None and not driver.sweeps:
            raise ConfigError(f"{file}: workload {name!r} has no {key}", remedy="remove this key")
    try:
        settings = driver.Settings.model_validate(section.settings)
    except ValidationError as error:
        raise_config_error(error, file=file, prefix=f"workloads.{name}.settings.")
    spec = WorkloadSpec(
        name=name,
        load_generators={
            service: _load_generator(config, service, file)
            for service in driver.services_for(settings)
            if service in driver.loads
        },
        settings=settings.model_dump(mode="json"),
    )
    if driver.offers_rates:
        _require_rates(config, spec, file)
    _require_long_enough(config, spec, file)
    load_points = section.load_points if driver.sweeps else (ONE_CONNECTION,)
    return ResolvedWorkload(spec=spec, driver=driver, settings=settings, load_points=load_points)


def _require(driver: Workload[Any] | LoadGenerator, what: str) -> None:
    for missing in driver.missing_requirements():
        raise ConfigError(f"{what}: {missing.what}", remedy=missing.remedy)


def _require_rates(config: Config, spec: WorkloadSpec, file: str) -> None:
    for service, name in spec.load_generators.items():
        if not registry.load("loadgens", name, config.plugins).has_rates:
            raise ConfigError(
                f"{file}: workload {spec.name!r} offers rates to {service}, which load generator"
                f" {name!r} cannot",
                remedy=f"write `load_generator: featherbench` for workload {service}",
            )


def _require_long_enough(config: Config, spec: WorkloadSpec, file: str) -> None:
    window_s = spec.settings.get("window_s")
    for name in spec.load_generators.values():
        shortest_s = registry.load("loadgens", name, config.plugins).shortest_window_s
        if window_s is not None and window_s < shortest_s:
            raise ConfigError(
                f"{file}: workloads.{spec.name}.settings.window_s is {window_s:g}: windows of load"
                f" generator {name!r} need at least {shortest_s:g} s",
                remedy="write `window_s: 2`",
            )


def _load_generator(config: Config, service: str, file: str) -> str:
    section = config.workloads.get(service, WorkloadConfig())
    name = section.load_generator or DEFAULT_LOAD_GENERATORS[service]
    driver = registry.load("loadgens", name, config.plugins)
    _require(driver, f"{file}: {service} needs load generator {name!r}")
    if service not in driver.services:
        raise ConfigError(
            f"{file}: load generator {name!r} does not speak {service}",
            remedy=f"use another one for workload {service}",
        )
    if section.rates and not driver.has_rates:
        raise ConfigError(
            f"{file}: load generator {name!r} cannot offer a rate to workload {service}",
            remedy="use load generator 'featherbench', or leave out the rates",
        )
    return name
