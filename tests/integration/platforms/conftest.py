# SPDX-License-Identifier: Apache-2.0
"""Real instances of nginx and Redis on the test network, one technology at a time."""

from dataclasses import dataclass
from pathlib import Path

import pytest

import builders
from builders import Subject, build_image, fetch
from featherbench import registry
from featherbench.errors import InstanceError
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until

pytest.register_assert_rewrite("integration.platforms.container_tests")
TUNING = Tuning(net_sysctls={}, nofile=4321)


@dataclass(kw_only=True)
class Platform(Subject):
    """A technology on the test network."""

    wire: object

    def request(self, service="http", network=None, *, tuning=TUNING, image=None, **settings):
        return super().request(
            service,
            image=image or self.images[service],
            network=network or self.technology.networks[0],
            settings=self.technology.Settings(**settings),
            tuning=tuning,
        )

    def fetch(self, instance):
        return fetch(self.wire, instance)

    def await_payload(self, instance):
        return wait_until(
            lambda: self.fetch(instance),
            what=f"payload ({self.technology.diagnosis(instance)})",
            within_s=20,
        )

    def failure(self, *arguments, **keywords):
        """Start what cannot live; return the error, or the diagnosis once it has ended."""
        try:
            instance = self.start(*arguments, **keywords)
        except InstanceError as failed:
            return failed.message
        wait_until(lambda: not self.technology.is_running(instance), what="its end", within_s=10)
        return self.technology.diagnosis(instance)


def driver_of(module):
    """Return the module's TECHNOLOGY on its HYPERVISOR, or natively if it names none."""
    return registry.platform(module.TECHNOLOGY, getattr(module, "HYPERVISOR", "native"))


@pytest.fixture(scope="module")
def images(request, built_root, forget_images, tmp_path_factory):
    """Build the images of the module's TECHNOLOGY."""
    technology = driver_of(request.module)
    if missing_requirements := technology.missing_requirements():
        pytest.skip(missing_requirements[0].what)

    built = {
        service: build_image(technology, service, tmp_path_factory.mktemp(service), built_root)
        for service in getattr(request.module, "SERVICES", ("http", "kv"))
    }
    yield built
    if not hasattr(request.module, "HYPERVISOR"):  # else they are in a guest's engine
        forget_images(request.module.TECHNOLOGY, built.values())


@pytest.fixture
def platform(request, images, wire, tmp_path):
    placement = builders.placement_on(wire, tmp_path)
    platform = Platform(
        technology=driver_of(request.module),
        wire=wire,
        placement=placement,
        images=images,
        folder=tmp_path,
        tuning=TUNING,
    )
    yield platform
    platform.clean()


@pytest.fixture(scope="session")
def status_of():
    """Read /proc/PID/status as a mapping."""

    def read(pid):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    return read
