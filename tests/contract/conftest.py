# SPDX-License-Identifier: Apache-2.0
"""Drivers under test: those of the package, also in a virtual machine, and a user's plugin."""

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import start_request
from featherbench import registry
from featherbench.contracts.technology import BuildRequest, Placement
from featherbench.errors import DeadlineError
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until

ENGINES = {"docker", "lxd"}
PLUGINS = (str(Path(__file__).parents[1] / "plugins"),)
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GREETINGS = {"http": b"GET /payload HTTP/1.0\r\n\r\n", "kv": b"PING\r\n"}
ANSWERS = {"http": b" 200 ", "kv": b"+PONG"}
ANSWERS_WITHIN_S = 60
EMULATED = ("linux-tcg",)
"""Platforms on software emulation: slow."""
SMALL_GUEST = {"guest": {"init": "minimal", "memory_mib": 256}}


def driver(name):
    """Return the driver of a technology, natively, or of a platform."""
    technology, _, hypervisor = name.partition("-")
    return registry.platform(technology, hypervisor or "native", PLUGINS)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A driver with all that it needs to run instances."""

    technology: object
    settings: object
    images: dict
    placement: Placement
    folder: Path
    tuning: Tuning
    """The machine's own values: an instance in its network namespace cannot have others."""

    def request(self, service, **changes):
        return start_request(
            service,
            folder=self.folder / "logs",
            image=self.images[service],
            network=self.technology.networks[0],
            settings=self.settings,
            tuning=self.tuning,
            placement=self.placement,
            **changes,
        )

    def start(self, service, **changes):
        request = self.request(service, **changes)
        self.technology.prepare(request)
        return self.technology.start(request)

    def await_answer(self, instance):
        """Wait until the service answers in its own protocol."""

        def answers():
            try:
                with socket.create_connection(
                    (instance.endpoint.address, instance.endpoint.port), timeout=1
                ) as connection:
                    connection.sendall(GREETINGS[instance.service])
                    return ANSWERS[instance.service] in connection.recv(4096)
            except OSError:
                return False

        try:
            wait_until(answers, what=instance.service, within_s=ANSWERS_WITHIN_S)
        except DeadlineError:
            pytest.fail(self.technology.diagnosis(instance))

    def own_leftovers(self):
        state = str(self.placement.state)
        return [leftover for leftover in self.technology.leftovers() if leftover.state == state]

    def clean(self):
        for leftover in self.own_leftovers():
            self.technology.remove(leftover)


def build(name, service, into, built_root, files=None):
    technology = driver(name)
    workload = registry.load("workloads", service)
    into.mkdir(parents=True)
    return technology.build_image(
        BuildRequest(
            service=service,
            into=into,
            root_filesystems=built_root.root_filesystems_of(technology),
            files=workload.files(workload.Settings()) if files is None else files,
            state=into / "state",
        )
    )


def subject_named(name):
    """Return the platform to test: a technology that needs a hypervisor is emulated."""
    return name if driver(name) else f"{name}-tcg"


def pytest_generate_tests(metafunc):
    if "technology_name" in metafunc.fixturenames:
        names = [
            pytest.param(
                subject_named(name), marks=[getattr(pytest.mark, name)] if name in ENGINES else []
            )
            for name in registry.driver_files("technologies", PLUGINS)
        ]
        names += [pytest.param(name, marks=pytest.mark.qemu) for name in EMULATED]
        metafunc.parametrize("technology_name", names, scope="session")


@pytest.fixture(scope="session")
def technology_plugins():
    """The folders with drivers besides the package."""
    return PLUGINS


@pytest.fixture(scope="session")
def technology(technology_name):
    return driver(technology_name)


@pytest.fixture(scope="session")
def runnable(technology):
    """Skip if this machine cannot run the driver, or if its images are the user's."""
    if technology.user_images:
        pytest.skip("its images are the user's: tests/integration/platforms/test_unikernels.py")
    for requirement in technology.missing_requirements():
        pytest.skip(f"{requirement.what} ({requirement.remedy})")
    return technology


@pytest.fixture(scope="session")
def build_image(technology_name, runnable, built_root, forget_images, tmp_path_factory):
    assert runnable
    built_images = []

    def build_once(service, files=None):
        into = tmp_path_factory.mktemp("images") / service
        image = build(technology_name, service, into, built_root, files)
        built_images.append(image)
        return image

    yield build_once
    forget_images(technology_name, built_images)


@pytest.fixture(scope="session")
def images(build_image):
    return {service: build_image(service) for service in ("http", "kv", "startup")}


@pytest.fixture
def subject(technology_name, runnable, images, wire, tmp_path):
    placement = Placement(
        hypervisor="native",
        address=wire.address,
        callback_address=wire.address,
        cpus=(0,),
        container_subnet=wire.container_subnet,
        guest_subnet=wire.guest_subnet,
        state=tmp_path / "state",
    )
    keys = SMALL_GUEST if technology_name in EMULATED else {}
    tuning = Tuning(net_sysctls={"net.core.somaxconn": SOMAXCONN.read_text().strip()}, nofile=4321)
    subject = Subject(
        technology=runnable,
        settings=runnable.Settings.model_validate(keys),
        images=images,
        placement=placement,
        folder=tmp_path,
        tuning=tuning,
    )
    yield subject
    subject.clean()
