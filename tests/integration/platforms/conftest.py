# SPDX-License-Identifier: Apache-2.0
"""Real instances of nginx and Redis on the test network, one technology at a time."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import start_request
from featherbench import registry
from featherbench.contracts.technology import BuildRequest, Placement
from featherbench.errors import InstanceError
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until

pytest.register_assert_rewrite("integration.platforms.container_tests")
TUNING = Tuning(net_sysctls={}, nofile=4321)


@dataclass
class Platform:
    """A technology on the test network, with its images."""

    technology: object
    wire: object
    placement: Placement
    images: dict
    folder: Path

    def request(self, service="http", network=None, *, tuning=TUNING, image=None, **settings):
        return start_request(
            service,
            image=image or self.images[service],
            network=network or self.technology.networks[0],
            settings=self.technology.Settings(**settings),
            tuning=tuning,
            placement=self.placement,
            folder=self.folder,
        )

    def start(self, service="http", network=None, *, tuning=TUNING, image=None, **settings):
        request = self.request(service, network, tuning=tuning, image=image, **settings)
        self.technology.prepare(request)
        return self.technology.start(request)

    def fetch(self, instance):
        """Fetch the payload from the client's end; empty while nothing answers."""
        where = f"http://{instance.endpoint.address}:{instance.endpoint.port}/payload"
        script = f"curl --silent --max-time 2 {where} || true"
        return self.wire.client("sh", "-c", script)

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

    def leftovers(self):
        state = str(self.placement.state)
        leftovers = self.technology.leftovers()
        return [leftover for leftover in leftovers if leftover.state == state]


def driver_of(module):
    """Return the module's TECHNOLOGY on its HYPERVISOR, or natively if it names none."""
    return registry.platform(module.TECHNOLOGY, getattr(module, "HYPERVISOR", "native"))


@pytest.fixture(scope="module")
def images(request, built_root, forget_images, tmp_path_factory):
    """Build the images of the module's TECHNOLOGY."""
    technology = driver_of(request.module)
    if missing_requirements := technology.missing_requirements():
        pytest.skip(missing_requirements[0].what)

    def build(service):
        workload = registry.load("workloads", service)
        return technology.build_image(
            BuildRequest(
                service=service,
                into=tmp_path_factory.mktemp(service),
                root_filesystems=built_root.root_filesystems_of(technology),
                files=workload.files(workload.Settings()),
                state=tmp_path_factory.mktemp("state"),
            )
        )

    built = {
        service: build(service) for service in getattr(request.module, "SERVICES", ("http", "kv"))
    }
    yield built
    if not hasattr(request.module, "HYPERVISOR"):  # else they are in a guest's engine
        forget_images(request.module.TECHNOLOGY, built.values())


@pytest.fixture
def platform(request, images, wire, tmp_path):
    placement = Placement(
        hypervisor="native",
        address=wire.address,
        callback_address=wire.address,
        cpus=(max(os.sched_getaffinity(0)),),
        container_subnet=wire.container_subnet,
        guest_subnet=wire.guest_subnet,
        state=tmp_path / "state",
    )
    technology = driver_of(request.module)
    platform = Platform(
        technology=technology, wire=wire, placement=placement, images=images, folder=tmp_path
    )
    yield platform
    for leftover in platform.leftovers():
        technology.remove(leftover)


@pytest.fixture(scope="session")
def status_of():
    """Read /proc/PID/status as a mapping."""

    def read(pid):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    return read
