# SPDX-License-Identifier: Apache-2.0
"""Drivers under test: those of the package, also in a virtual machine, and a user's plugin."""

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

import builders
from builders import Subject
from featherbench import registry
from featherbench.errors import DeadlineError
from featherbench.records.tuning import Tuning
from featherbench.system.polling import wait_until

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


@dataclass(kw_only=True)
class ContractSubject(Subject):
    """A driver under test, with its settings.

    `tuning` has the machine's own values: an instance in its network namespace cannot have others.
    """

    settings: object

    def request(self, service, **changes):
        return super().request(service, settings=self.settings, **changes)

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


def subject_named(name):
    """Return the platform to test: a technology that needs a hypervisor is emulated."""
    return name if driver(name) else f"{name}-tcg"


def pytest_generate_tests(metafunc):
    if "technology_name" not in metafunc.fixturenames:
        return
    # Starts of LXD take seconds each; test_lxd.py has some of them among the quick tests.
    marks = {"docker": ["docker"], "lxd": ["lxd", "slow"]}
    marks |= {name: ["qemu", "slow"] for name in EMULATED}
    names = [*map(subject_named, registry.driver_files("technologies", PLUGINS)), *EMULATED]
    if "runnable" in metafunc.fixturenames:
        names = [name for name in names if not driver(name).user_images]
    parameters = [
        pytest.param(name, marks=[getattr(pytest.mark, mark) for mark in marks.get(name, [])])
        for name in names
    ]
    metafunc.parametrize("technology_name", parameters, scope="session")


@pytest.fixture(scope="session")
def technology_plugins():
    """The folders with drivers besides the package."""
    return PLUGINS


@pytest.fixture(scope="session")
def technology(technology_name):
    return driver(technology_name)


@pytest.fixture(scope="session")
def runnable(technology):
    """Skip if this machine cannot run the driver; one whose images are the user's is none."""
    for requirement in technology.missing_requirements():
        pytest.skip(f"{requirement.what} ({requirement.remedy})")
    return technology


@pytest.fixture(scope="session")
def build_image(technology_name, runnable, built_root, forget_images, tmp_path_factory):
    built_images = []

    def build_once(service, files=None):
        into = tmp_path_factory.mktemp("images") / service
        built_images.append(builders.build_image(runnable, service, into, built_root, files))
        return built_images[-1]

    yield build_once
    forget_images(technology_name, built_images)


@pytest.fixture(scope="session")
def images(build_image):
    return {service: build_image(service) for service in ("http", "kv", "startup")}


@pytest.fixture
def subject(technology_name, runnable, images, wire, tmp_path):
    placement = builders.placement_on(wire, tmp_path, cpus=(0,))
    keys = SMALL_GUEST if technology_name in EMULATED else {}
    tuning = Tuning(net_sysctls={"net.core.somaxconn": SOMAXCONN.read_text().strip()}, nofile=4321)
    subject = ContractSubject(
        technology=runnable,
        settings=runnable.Settings.model_validate(keys),
        images=images,
        placement=placement,
        folder=tmp_path,
        tuning=tuning,
    )
    yield subject
    subject.clean()
