# SPDX-License-Identifier: Apache-2.0
"""Drivers under contract: those of the package, in a guest, and one loaded as a user's plugin."""

import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.contracts.technology import BuildRequest, Placement, StartRequest
from featherbench.errors import DeadlineError
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.system.polling import wait_until

ENGINES = {"docker", "lxd"}
PLUGINS = (str(Path(__file__).parents[1] / "plugins"),)
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
GREETINGS = {"http": b"GET /payload HTTP/1.0\r\n\r\n", "kv": b"PING\r\n"}
ANSWERS = {"http": b" 200 ", "kv": b"+PONG"}
ANSWERS_WITHIN_S = 60
EMULATED = ("linux-tcg",)
"""Platforms on software emulation: as others, but slow."""
SMALL_GUEST = {"guest": {"init": "minimal", "memory_mib": 256}}


def driver(name):
    """Give what runs a technology here, or a platform."""
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
    """As this machine is: what runs in its network namespace cannot have it otherwise."""

    def request(self, service, command=None, port=None, network=None, probe=None):
        given = command or launcher.serve_command(service)
        instance_id = f"test{uuid.uuid4().hex[:8]}"
        return StartRequest(
            instance_id=instance_id,
            service=service,
            image=self.images[service],
            command=given,
            port=port if command else launcher.PORTS[service],
            network=network or self.technology.networks[0],
            settings=self.settings,
            tuning=self.tuning,
            placement=self.placement,
            log=self.folder / "logs" / f"{instance_id}.log",
            probe=probe,
        )

    def start(self, *given, **named):
        request = self.request(*given, **named)
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
        return [
            each for each in self.technology.leftovers() if each.state == str(self.placement.state)
        ]

    def clean(self):
        for leftover in self.own_leftovers():
            self.technology.remove(leftover)


def build(name, service, into, built_root, files=None):
    technology = driver(name)
    workload = registry.load("workloads", service)
    own = workload.files(workload.Settings()) if files is None else files
    into.mkdir(parents=True)
    return technology.build_image(
        BuildRequest(
            service=service,
            into=into,
            root_filesystems=built_root.root_filesystems_of(technology),
            files=own,
            state=into / "state",
        )
    )


def subject_named(name):
    """Name a technology's subject: what only a hypervisor can run is tested as emulated."""
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
    """Where drivers are looked for besides the package."""
    return PLUGINS


@pytest.fixture(scope="session")
def technology(technology_name):
    return driver(technology_name)


@pytest.fixture(scope="session")
def runnable(technology):
    """Skip where this host cannot run the driver, and where its images are the user's."""
    if technology.user_images:
        pytest.skip("its images are the user's: tests/integration/platforms/test_unikernels.py")
    if missing_requirements := technology.missing_requirements():
        pytest.skip(f"{missing_requirements[0].what} ({missing_requirements[0].remedy})")
    return technology


@pytest.fixture(scope="session")
def build_image(technology_name, runnable, built_root, forget_images, tmp_path_factory):
    assert runnable
    built = []

    def build_here(service, files=None):
        into = tmp_path_factory.mktemp("images") / service
        built.append(build(technology_name, service, into, built_root, files))
        return built[-1]

    yield build_here
    forget_images(technology_name, built)


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
    given = Subject(
        technology=runnable,
        settings=runnable.Settings.model_validate(keys),
        images=images,
        placement=placement,
        folder=tmp_path,
        tuning=tuning,
    )
    yield given
    given.clean()
