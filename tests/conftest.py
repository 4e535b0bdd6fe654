# SPDX-License-Identifier: Apache-2.0
"""What all tests share: the repository, when a test is skipped, and what platforms run on."""

import ctypes
import fcntl
import os
import platform
import shutil
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from builders import ran
from featherbench.contracts.technology import BASE
from featherbench.files import digest, folder_digest
from featherbench.paths import RESOURCES
from featherbench.planning.code_digest import facts_of
from featherbench.records.job_specs import RootFilesystemSource, RootFilesystemSpec
from featherbench.rootfs import base, descriptions
from featherbench.rootfs.derived import build_derived_root_filesystem
from featherbench.services import launcher
from featherbench.statistics.design.sequential import is_narrow
from featherbench.statistics.summary import SEQUENTIAL_CONFIDENCE, half_width
from featherbench.system.machine import LOCAL
from featherbench.technologies.lxd import connection

pytest_plugins = ["xen.fixture"]
REPOSITORY = Path(__file__).parents[1]
CACHE = Path("/var/cache/featherbench-tests/root-filesystem")
ENGINES = {
    "docker": ("Docker engine", "docker", "version"),
    "lxd": ("LXD", "lxc", "list", "--format=csv"),
}
"""By marker: what must be there, and a question that it answers."""


AS_ROOT = {"testbed", *ENGINES, "xen"}
MACHINE = {*ENGINES, "qemu"}
"""Markers of tests that use what there is once on this machine: they run one after the other."""

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
"""See unshare(2)."""
OWN_NETWORK = """
mount --make-rslave /
ip link set lo up
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
groups=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$groups"
mount -t sysfs sysfs /sys
mount --rbind "$groups" /sys/fs/cgroup
umount --lazy "$groups"
rmdir "$groups"
"""
"""Makes the rest of the system show a new network namespace, in a new mount namespace."""

# Else each program of ours that a test starts would compile and examine this package again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Shells have their background jobs ignore it, and so would whatever a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Other tests run beside these: how long an example takes says nothing.
settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")


LIBC = ctypes.CDLL(None, use_errno=True)
NETWORK = Path("/proc/thread-self/ns/net")
machines_network = []
"""The machine's network namespace, open, in a process that has left it."""


def _call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function.__name__)


@contextmanager
def _on_the_machines_network():
    """Go back to it for a while: packages come from there."""
    if not machines_network:
        yield
        return
    with NETWORK.open() as own:
        _call(LIBC.setns, machines_network[0].fileno(), CLONE_NEWNET)
        try:
            yield
        finally:
            _call(LIBC.setns, own.fileno(), CLONE_NEWNET)


@pytest.fixture(scope="session")
def on_the_machines_network():
    """Give the context manager: what is built of packages comes from there."""
    return _on_the_machines_network


def pytest_configure(config):
    """Give each process of a parallel run a network of its own: tests share ports and names."""
    if hasattr(config, "workerinput") and os.geteuid() == 0:
        machines_network.append(NETWORK.open())
        _call(LIBC.unshare, CLONE_NEWNET | CLONE_NEWNS)
        subprocess.run(["sh", "-euc", OWN_NETWORK], check=True)


def pytest_collection_modifyitems(config, items):
    for item in items:
        if any(map(item.get_closest_marker, MACHINE)):
            item.add_marker("machine")
    if hasattr(config, "workerinput"):
        # Workflows take longest: no process is to begin one when the others are done.
        items.sort(key=lambda item: "workflow" not in item.path.parts)


@pytest.fixture(scope="session")
def repository():
    """The checkout under test."""
    return REPOSITORY


@cache
def _lacking(marker):
    """Say why tests with this marker cannot run here; empty when they can."""
    if marker in AS_ROOT and os.geteuid() != 0:
        return "needs root"
    if marker == "xen" and platform.machine() != "x86_64":
        return "the Xen of the tests is one for x86-64"
    if marker in ENGINES:
        engine, *question = ENGINES[marker]
        asked = shutil.which(question[0]) and subprocess.run(
            question, capture_output=True, check=False
        )
        return "" if asked and asked.returncode == 0 else f"no {engine} answers"
    return ""


def pytest_runtest_setup(item):
    for marker in item.iter_markers():
        if reason := _lacking(marker.name):
            pytest.skip(reason)


@contextmanager
def _alone_in(folder):
    """Keep away other processes of the tests, which may want the same archive."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, kw_only=True)
class BuiltRoot:
    """The root file system for tests, and those derived from it, which are built at first use."""

    tar: Path
    record: base.RootFilesystem
    code: str

    def _built(self, name):
        """Build one, unless it was built by this state of the code; return its archive's path."""
        if name == BASE:
            return self.tar
        spec = descriptions.spec(name, suite=self.record.suite, code=self.code)
        parent = self._built(descriptions.base_of(name))
        tar = self.tar.with_name(f"{name}.tar")
        mark = tar.with_suffix(".spec")
        if not mark.exists() or mark.read_text() != spec.model_dump_json():
            built = build_derived_root_filesystem(
                spec, base=parent, tar=tar, log=tar.with_suffix(".log")
            )
            built.write(tar.with_suffix(".json"))
            mark.write_text(spec.model_dump_json())
        return tar

    def root(self, name):
        """Return one as a BuildRequest contains it."""
        with _alone_in(self.tar.parent), _on_the_machines_network():
            return base.root_archive(self._built(name).with_suffix(".json"))

    def root_filesystems_of(self, technology):
        """Return those that a BuildRequest for a technology contains."""
        return {name: self.root(name) for name in technology.root_filesystems}


def _code_of_root():
    """Digest what decides its content: how programs are run, say, would not change it."""
    modules = *sorted(Path(base.__file__).parent.glob("*.py")), Path(launcher.__file__)
    does = [facts_of(module).does for module in modules]
    folders = [folder_digest(RESOURCES / name) for name in ("probe", "rootfs/base")]
    return digest(*(part.encode() for part in [*does, *folders]))[:16]


@pytest.fixture(scope="session")
def built_root(pytestconfig):
    """Build the root file system, once for each state of the code that makes it."""
    folder = CACHE if os.geteuid() == 0 else pytestconfig.cache.mkdir("root-filesystem")
    folder.mkdir(parents=True, exist_ok=True)
    code, tar, record = _code_of_root(), folder / "root.tar", folder / "root.json"
    mark = folder / "code"
    with _alone_in(folder), _on_the_machines_network():
        if not mark.exists() or mark.read_text() != code:
            spec = RootFilesystemSpec(**RootFilesystemSource().model_dump(), code=code)
            base.build_root_filesystem(spec, tar=tar, log=folder / "root.log").write(record)
            mark.write_text(code)
    return BuiltRoot(tar=tar, record=base.RootFilesystem.read(record), code=code)


def _forget_at_lxd(images):
    """Remove names of ours, and each image that has no other."""
    client = connection.connect(connection.socket_of(LOCAL))
    for image in images:
        client.api.images.aliases[image.reference["alias"]].delete()
    for fingerprint in {image.reference["fingerprint"] for image in images}:
        if not client.images.get(fingerprint).aliases:
            client.images.get(fingerprint).delete(wait=True)


@pytest.fixture(scope="session")
def forget_images():
    """Give a function that removes images from the engine of a technology."""

    def forget(technology_name, images):
        if technology_name == "docker":
            tags = [image.reference["tag"] for image in images]
            subprocess.run(["docker", "image", "rm", *tags], check=True, capture_output=True)
        if technology_name == "lxd":
            _forget_at_lxd(images)

    return forget


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A cable between this machine and a network namespace, where test clients run."""

    address: str
    client_address: str
    container_subnet: str
    guest_subnet: str
    namespace: str

    def client(self, *argv):
        """Run a program at the client's end; give what it printed, or fail."""
        inside = ["ip", "netns", "exec", self.namespace, *argv]
        done = ran(*inside, timeout=30)
        assert done.returncode == 0, done
        return done.stdout


MOST_WIRES = 32


def _own_namespace():
    """Make a namespace for this run of the tests; others may be running."""
    for number in range(MOST_WIRES):
        name = f"fb-test{number}"
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
        if made.returncode == 0:
            return number, name
    pytest.fail("no name is left for a network namespace: remove those named fb-test*")


@pytest.fixture(scope="session")
def wire():
    """Lay the cable: addresses that no testbed uses by default."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    number, namespace = _own_namespace()
    subnet = f"198.19.{2 * number}"
    laid = Wire(
        address=f"{subnet}.1",
        client_address=f"{subnet}.2",
        container_subnet=f"198.19.{2 * number + 1}.0/24",
        guest_subnet=f"198.19.{2 * MOST_WIRES + number}.0/24",
        namespace=namespace,
    )
    steps = f"""\
link add {namespace}s type veth peer name {namespace}c netns {namespace}
address add {laid.address}/24 dev {namespace}s
link set {namespace}s up"""
    client_steps = f"""\
link set lo up
address add {laid.client_address}/24 dev {namespace}c
link set {namespace}c up
route add 198.18.0.0/15 via {laid.address}"""
    try:
        for options, batch in ([], steps), (["-n", namespace], client_steps):
            argv = ["ip", *options, "-batch", "-"]
            subprocess.run(argv, input=batch, text=True, check=True)
        yield laid
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def _moments_s(samples, deployment_s=8.0, window_s=2.5):
    """When each window begins: block by block, a fresh start before each deployment."""
    request = samples.sort_values(["deployment", "platform", "level", "window"], kind="stable")
    fresh = ~request.duplicated(["deployment", "platform"])
    begins_s = (window_s + fresh * (deployment_s - 0.5)).cumsum()
    return begins_s.reindex(samples.index)


@pytest.fixture(scope="session")
def nested():
    """Make samples of metrics m0, m1 ... as a blocked run leaves them: nested noise, seeded.

    Platforms are by name the true ratio to the first; `between` and `within` are the relative
    standard deviations of deployments and of windows, for all platforms or for each. With `shared`,
    the luck of a deployment is the same at all levels.
    """

    def make(
        *,
        platforms=None,
        metrics=1,
        levels=(100,),
        deployments=3,
        windows=3,
        between=0.02,
        within=0.02,
        shared=False,
        noise=np.random.Generator.standard_normal,
        seed=1,
    ):
        ratios = platforms or {"linux-native": 1.0, "docker-native": 1.0}
        rng = np.random.default_rng(seed)
        shape = (metrics, len(levels), len(ratios), deployments, windows)
        scale = (len(ratios), 1, 1)
        luck = noise(rng, size=(metrics, 1 if shared else shape[1], *shape[2:4], 1))
        luck = luck * np.broadcast_to(np.reshape(between, (-1, 1, 1)), scale)
        values = 1 + luck + noise(rng, size=shape) * np.reshape(within, (-1, 1, 1))
        values = 1000 * values * np.reshape(list(ratios.values()), scale)
        coordinates = {
            "metric": [f"m{number}" for number in range(metrics)],
            "level": levels,
            "platform": list(ratios),
            "deployment": range(1, deployments + 1),
            "window": range(1, windows + 1),
        }
        index = pd.MultiIndex.from_product(coordinates.values(), names=coordinates)
        samples = pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
        return samples.assign(
            workload="http",
            verdict="ok",
            reasons="",
            primary=True,
            duration_s=2.0,
            started_monotonic_s=_moments_s(samples),
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Series that were measured until narrow enough; arrays with one value a series.

    `deployments` were taken, and the published interval is from `low` to `high`.
    """

    deployments: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def coverage(self, truth=1000.0):
        return ((self.low <= truth) & (truth <= self.high)).mean()


@pytest.fixture(scope="session")
def watched():
    """Stop every metric and platform of samples by a rule, as the workflow does."""

    def stop(samples, rule):
        means = samples.groupby(["metric", "platform", "deployment"], sort=False)["value"].mean()
        values = means.to_numpy().reshape(-1, samples["deployment"].nunique())[:, : rule.most]
        n = np.arange(1, rule.most + 1)
        centre = values.cumsum(axis=1) / n
        squares = (values**2).cumsum(axis=1) - n * centre**2
        sd = np.sqrt(squares.clip(0) / np.maximum(n - 1, 1))
        half = half_width(sd, n, SEQUENTIAL_CONFIDENCE)
        enough = is_narrow(half / centre, n, rule)
        enough[:, -1] = True
        at = np.arange(len(values)), enough.argmax(axis=1)
        return Watched(deployments=at[1] + 1, low=(centre - half)[at], high=(centre + half)[at])

    return stop
