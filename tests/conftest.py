# SPDX-License-Identifier: Apache-2.0
"""What all tests share: the repository, when a test is skipped, and what platforms run on."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from featherbench import rootfs
from featherbench.codehash import RESOURCES, closure, folder_digest, module_digest
from featherbench.config import RootFilesystemConfig
from featherbench.files import digest
from featherbench.spec import RootFilesystemSpec

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository():
    """The checkout under test."""
    return REPOSITORY


@cache
def _lacking(marker):
    """Say why tests with this marker cannot run here; empty when they can."""
    if marker in {"testbed", "docker"} and os.geteuid() != 0:
        return "needs root"
    if marker == "docker":
        asked = subprocess.run(["docker", "version"], capture_output=True, check=False)
        return "" if asked.returncode == 0 else "no Docker engine answers"
    return ""


def pytest_runtest_setup(item):
    for marker in item.iter_markers():
        if reason := _lacking(marker.name):
            pytest.skip(reason)


@dataclass(frozen=True, kw_only=True)
class BuiltRoot:
    """The root file system for tests."""

    tar: Path
    record: rootfs.RootFilesystem


def _code_of_root():
    modules = sorted(closure([Path(rootfs.__file__)]))
    folders = [folder_digest(RESOURCES / name) for name in ("probe", "rootfs")]
    return digest(*(part.encode() for part in [*map(module_digest, modules), *folders]))[:16]


@pytest.fixture(scope="session")
def built_root(pytestconfig):
    """Build the root file system, once for each state of the code that makes it."""
    folder = pytestconfig.cache.mkdir("root-filesystem")
    code, tar, record = _code_of_root(), folder / "root.tar", folder / "root.json"
    mark = folder / "code"
    if not mark.exists() or mark.read_text() != code:
        spec = RootFilesystemSpec(**RootFilesystemConfig().model_dump(), code=code)
        rootfs.build_root_filesystem(spec, tar=tar, log=folder / "root.log").write(record)
        mark.write_text(code)
    return BuiltRoot(tar=tar, record=rootfs.RootFilesystem.read(record))


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A cable between this machine and a network namespace, where test clients run."""

    address: str
    client_address: str
    container_subnet: str
    namespace: str

    def client(self, *argv):
        """Run a program at the client's end; give what it printed, or fail."""
        inside = ["ip", "netns", "exec", self.namespace, *argv]
        done = subprocess.run(inside, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture(scope="session")
def wire():
    """Lay the cable: addresses that no testbed uses by default."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    laid = Wire(
        address="198.18.100.1",
        client_address="198.18.100.2",
        container_subnet="198.18.101.0/24",
        namespace="fb-test",
    )
    steps = f"""\
link add fb-test0 type veth peer name fb-test1 netns {laid.namespace}
address add {laid.address}/24 dev fb-test0
link set fb-test0 up"""
    client_steps = f"""\
link set lo up
address add {laid.client_address}/24 dev fb-test1
link set fb-test1 up
route add 198.18.0.0/15 via {laid.address}"""
    subprocess.run(["ip", "netns", "add", laid.namespace], check=True)
    try:
        for options, batch in ([], steps), (["-n", laid.namespace], client_steps):
            argv = ["ip", *options, "-batch", "-"]
            subprocess.run(argv, input=batch, text=True, check=True)
        yield laid
    finally:
        subprocess.run(["ip", "netns", "delete", laid.namespace], check=True)
