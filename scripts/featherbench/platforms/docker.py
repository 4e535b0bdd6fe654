# SPDX-License-Identifier: Apache-2.0
"""A container of a Docker engine: unprivileged, its root read-only, from an image of our own.

`network` is how the client reaches it: `nat`, through its published port; `bridge`, at its own
address, which this machine routes to; `host`, in the network namespace of this machine.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from pydantic import Field

from featherbench import nodes, programs
from featherbench.accounting import reset_peak, usage_of
from featherbench.clock import now_utc
from featherbench.engine import containers, images, leftovers, running
from featherbench.engine.connection import SOCKET, explaining
from featherbench.engine.network import make_network
from featherbench.errors import (
    FeatherbenchError,
    ImageError,
    InstanceDiedError,
    InstanceError,
    TestbedError,
)
from featherbench.firewall import let_pass
from featherbench.layers import image_compressed_bytes
from featherbench.limits import in_force, sysctl_files
from featherbench.platforms.contract import BASE, Lack
from featherbench.record import Image, ImageSize, Instance
from featherbench.settings import DriverSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from docker import DockerClient
    from docker.models.containers import Container

    from featherbench.cgroup import Group
    from featherbench.platforms.contract import BuildOrder, Leftover, StartOrder, Tuning
    from featherbench.record import Usage

NAME = "docker"
NEEDS = {"iptables": "iptables", **programs.FOR_ROOT_FILESYSTEM}
FIRST_PROCESS_LIMITS = "/proc/1/limits"
SHARED = "Images share their root layer; each counts it."


class Settings(DriverSettings):
    """How the engine runs the containers."""

    runtime: str = "runc"
    """The engine's runtime; others, such as runsc, must be in its daemon.json."""
    memory_mib: Annotated[int, Field(ge=16)] | None = None
    """Limit of memory; none unless set."""
    seccomp: Literal["default", "unconfined"] = "default"
    """Filter of system calls: the engine's own, or none."""


def _asking(doing: str, instance: Instance) -> AbstractContextManager[DockerClient]:
    where = nodes.named(instance.handle["node"])
    return explaining(f"container {instance.id}: {doing}", node=where)


def _size(order: BuildOrder, contents: images.Contents, described: Mapping[str, int]) -> ImageSize:
    allocated, how = images.allocated_bytes(described, order.node)
    return ImageSize(
        allocated_bytes=allocated,
        apparent_bytes=described["Size"],
        compressed_bytes=image_compressed_bytes(
            contents.root_tar, order.roots[BASE].compressed_bytes, contents.layer
        ),
        counted=f"allocated: {how}; apparent: the engine's sum of the sizes of its files;"
        f" compressed: gzip of its layers. {SHARED}",
    )


def _blame(order: StartOrder, refused: InstanceError) -> NoReturn:
    """Name the containers that have published the port, if that is what failed."""
    if order.port is None or "already" not in refused.message:
        raise refused
    with explaining("looking for the port's owner", node=order.place.node) as client:
        who = ", ".join(running.publishers(client, order.port))
    by = f" by container {who}" if who else ""
    raise InstanceError(
        f"{order.place.address}:{order.port} is taken{by}: {refused.message}",
        remedy=refused.remedy,
    ) from refused


def _start(order: StartOrder, container: Container) -> float:
    """Start a container that was created, and give the seconds it took."""
    began_s = time.monotonic()
    try:
        with explaining(f"start of the {order.app} container", node=order.place.node):
            container.start()
            took_s = time.monotonic() - began_s
            running.require_running(container)
    except InstanceError as refused:
        _blame(order, refused)
    return took_s


class Technology:
    """See `platforms/contract.py`."""

    Settings = Settings
    networks = ("nat", "bridge", "host")
    root_filesystems = (BASE,)
    subnet_share = 0
    fixed_memory = False

    def lacks(self) -> Sequence[Lack]:
        """Name a missing engine, missing programs and rights; the engine is not asked."""
        lacks = [*programs.lacking_root(), *programs.missing(NEEDS)]
        if not SOCKET.exists() and not shutil.which("dockerd"):
            lacks.insert(0, Lack(what="there is no Docker engine", remedy="apt install docker.io"))
        return lacks

    def build_image(self, order: BuildOrder) -> Image:
        """Load an image of the root file system and, over it, the app's files."""
        root = order.roots[BASE]
        contents = images.Contents(
            app=order.app, root_tar=root.tar, root_digest=root.digest, files=order.files
        )
        doing = f"loading the {order.app} image"
        with explaining(doing, node=order.node, error=ImageError) as client:
            described = images.load(client, contents, into=order.into)
        return Image(
            technology=NAME,
            app=order.app,
            digest=contents.digest,
            reference={"id": described["Id"], "tag": described["Tag"]},
            size=_size(order, contents, described),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"loaded {described['Tag']}",
        )

    def prepare(self, order: StartOrder) -> None:
        """Connect; make our network, and let the client's packets pass to it."""
        place, state = order.place, str(order.place.state)
        with explaining("preparing the engine", node=place.node) as client:
            if order.network == "host":
                return
            make_network(client, subnet=place.container_subnet, state=state)
        let_pass(state, place.node)

    def start(self, order: StartOrder) -> Instance:
        """Create a container and start it."""
        arguments = containers.creation(order, **order.settings.model_dump())
        doing, where = f"creation of the {order.app} container", order.place.node
        began_s = time.monotonic()
        with explaining(doing, node=where) as client:
            container = client.containers.create(**arguments)
        phases_s = {"create": time.monotonic() - began_s}
        try:
            phases_s["start"] = _start(order, container)
            endpoint = running.endpoint(order, container)
        except BaseException:
            with explaining(f"removal of the {order.app} container", node=where):
                running.remove(container)
            raise
        return Instance(
            id=order.instance_id,
            technology=NAME,
            app=order.app,
            handle={"container": container.id, "node": where.name, "log": str(order.log)},
            endpoint=endpoint,
            started_utc=now_utc(),
            start_phases_s=phases_s,
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Give what `start` recorded."""
        return instance.start_phases_s

    def is_running(self, instance: Instance) -> bool:
        """Ask the engine. Raises InstanceError when that does not answer."""
        with _asking("is it running", instance) as client:
            container = running.find(client, instance.handle["container"])
            return container is not None and bool(container.attrs["State"]["Running"])

    def diagnosis(self, instance: Instance) -> str:
        """State as the engine has it, and the last lines of output."""
        try:
            with _asking("its state", instance) as client:
                container = running.find(client, instance.handle["container"])
                return running.condition(container) if container else "its container is gone"
        except FeatherbenchError as unknown:
            return unknown.message

    def stop(self, instance: Instance) -> None:
        """Stop the container, keep its output, remove it."""
        with _asking("its end", instance) as client:
            if container := running.find(client, instance.handle["container"]):
                running.end(container, log=Path(instance.handle["log"]))

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return usage_of(self._group(instance))
        except OSError as gone:
            raise InstanceDiedError(f"container {instance.id} ended") from gone

    def _group(self, instance: Instance) -> Group:
        with _asking("its control group", instance) as client:
            if container := running.find(client, instance.handle["container"]):
                return running.group(container, nodes.named(instance.handle["node"]))
        raise InstanceDiedError(f"container {instance.id} is gone")

    def reset_peak(self, instance: Instance) -> bool:
        """Reset its control group's."""
        return reset_peak(self._group(instance))

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read sysctls and the first process's limit with a program inside the container."""
        files = sysctl_files(tuning)
        with _asking("its tuning", instance) as client:
            container = client.containers.get(instance.handle["container"])
            done = container.exec_run(["cat", *files, FIRST_PROCESS_LIMITS])
        assert isinstance(done.output, bytes), "the SDK was not asked for a stream"
        said = done.output.decode(errors="replace")
        if done.exit_code != 0:
            raise TestbedError(
                f"the tuning cannot be read inside container {instance.id}: {said.strip()}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        return in_force(said, tuning)

    def leftovers(self) -> Sequence[Leftover]:
        """Find containers, the network and firewall rules of ours."""
        with explaining("looking for leftovers") as client:
            return list(leftovers.find(client))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        with explaining(f"removing {leftover.kind} {leftover.name}") as client:
            leftovers.remove(client, leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell versions and settings of the local engine."""
        with explaining("asking for versions") as client:
            version, info = client.version(), client.info()
        components = {each["Name"].lower(): each["Version"] for each in version["Components"]}
        return components | {
            "api": version["ApiVersion"],
            "storage driver": info["Driver"],
            "cgroup": f"v{info.get('CgroupVersion', '1')}, {info['CgroupDriver']}",
            "default runtime": info["DefaultRuntime"],
            "security": ", ".join(info["SecurityOptions"] or ()),
        }
