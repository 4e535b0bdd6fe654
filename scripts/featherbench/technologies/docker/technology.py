# SPDX-License-Identifier: Apache-2.0
"""A container of a Docker engine: unprivileged, its root read-only, from an image of our own.

`network` is how the client reaches it: `nat`, through its published port; `bridge`, at its own
address, which this machine routes to; `host`, in the network namespace of this machine.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from pydantic import Field

from featherbench.clock import now_utc
from featherbench.contracts import technology
from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BASE
from featherbench.errors import (
    FeatherbenchError,
    ImageError,
    InstanceDiedError,
    InstanceError,
    TestbedError,
)
from featherbench.records.image import Image, ImageSize
from featherbench.records.instance import Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.rootfs.archives import image_compressed_bytes
from featherbench.system import programs, ssh
from featherbench.system.cgroup_usage import reset_peak, usage_of
from featherbench.system.firewall import allow_testbed_traffic
from featherbench.system.sysctls import in_force, sysctl_files
from featherbench.technologies.docker import container_ops, container_spec, images, leftovers
from featherbench.technologies.docker.connection import SOCKET, translate_errors
from featherbench.technologies.docker.network import make_network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from docker import DockerClient
    from docker.models.containers import Container

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.tuning import Tuning
    from featherbench.system.cgroup import Group

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
    where = ssh.machine_named(instance.handle["node"])
    return translate_errors(f"container {instance.id}: {doing}", machine=where)


def _size(
    request: BuildRequest, contents: images.Contents, described: Mapping[str, int]
) -> ImageSize:
    allocated, how = images.allocated_bytes(described, request.machine)
    return ImageSize(
        allocated_bytes=allocated,
        apparent_bytes=described["Size"],
        compressed_bytes=image_compressed_bytes(request.root_filesystems[BASE], contents.layer),
        counted=f"allocated: {how}; apparent: the engine's sum of the sizes of its files;"
        f" compressed: gzip of its layers. {SHARED}",
    )


def _blame(request: StartRequest, refused: InstanceError) -> NoReturn:
    """Name the containers that have published the port, if that is what failed."""
    if request.port is None or "already" not in refused.message:
        raise refused
    with translate_errors(
        "looking for the port's owner", machine=request.placement.machine
    ) as client:
        who = ", ".join(container_ops.publishers(client, request.port))
    by = f" by container {who}" if who else ""
    raise InstanceError(
        f"{request.placement.address}:{request.port} is taken{by}: {refused.message}",
        remedy=refused.remedy,
    ) from refused


def _start(request: StartRequest, container: Container) -> float:
    """Start a container that was created, and give the seconds it took."""
    began_s = time.monotonic()
    try:
        with translate_errors(
            f"start of the {request.service} container", machine=request.placement.machine
        ):
            container.start()
            took_s = time.monotonic() - began_s
            container_ops.require_running(container)
    except InstanceError as refused:
        _blame(request, refused)
    return took_s


class Technology(technology.Technology[Settings]):
    """See `contracts/technology.py`."""

    Settings = Settings
    networks = ("nat", "bridge", "host")
    root_filesystems = (BASE,)
    subnet_share = 0
    fixed_memory = False

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name a missing engine, missing programs and rights; the engine is not asked."""
        missing_requirements = [*programs.missing_root(), *programs.missing(NEEDS)]
        if not SOCKET.exists() and not programs.path_of("dockerd"):
            missing_requirements.insert(
                0,
                MissingRequirement(
                    what="there is no Docker engine", remedy="apt install docker.io"
                ),
            )
        return missing_requirements

    def build_image(self, request: BuildRequest) -> Image:
        """Load an image of the root file system and, over it, the app's files."""
        root = request.root_filesystems[BASE]
        contents = images.Contents(
            service=request.service, root_tar=root.tar, root_digest=root.digest, files=request.files
        )
        doing = f"loading the {request.service} image"
        with translate_errors(doing, machine=request.machine, error=ImageError) as client:
            described = images.load(client, contents, into=request.into)
        return Image(
            technology=NAME,
            service=request.service,
            digest=contents.digest,
            reference={"id": described["Id"], "tag": described["Tag"]},
            size=_size(request, contents, described),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"loaded {described['Tag']}",
        )

    def prepare(self, request: StartRequest) -> None:
        """Connect; make our network, and let the client's packets pass to it."""
        placement, state = request.placement, str(request.placement.state)
        with translate_errors("preparing the engine", machine=placement.machine) as client:
            if request.network == "host":
                return
            make_network(client, subnet=placement.container_subnet, state=state)
        allow_testbed_traffic(state, placement.machine)

    def start(self, request: StartRequest) -> Instance:
        """Create a container and start it."""
        arguments = container_spec.creation(request, **request.settings.model_dump())
        doing, where = f"creation of the {request.service} container", request.placement.machine
        began_s = time.monotonic()
        with translate_errors(doing, machine=where) as client:
            container = client.containers.create(**arguments)
        phases_s = {"create": time.monotonic() - began_s}
        try:
            phases_s["start"] = _start(request, container)
            endpoint = container_ops.endpoint(request, container)
        except BaseException:
            with translate_errors(f"removal of the {request.service} container", machine=where):
                container_ops.remove(container)
            raise
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"container": container.id, "node": where.name, "log": str(request.log)},
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
            container = container_ops.find(client, instance.handle["container"])
            return container is not None and bool(container.attrs["State"]["Running"])

    def diagnosis(self, instance: Instance) -> str:
        """State as the engine has it, and the last lines of output."""
        try:
            with _asking("its state", instance) as client:
                container = container_ops.find(client, instance.handle["container"])
                return container_ops.condition(container) if container else "its container is gone"
        except FeatherbenchError as unknown:
            return unknown.message

    def stop(self, instance: Instance) -> None:
        """Stop the container, keep its output, remove it."""
        with _asking("its end", instance) as client:
            if container := container_ops.find(client, instance.handle["container"]):
                container_ops.end(container, log=Path(instance.handle["log"]))

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return usage_of(self._group(instance))
        except OSError as gone:
            raise InstanceDiedError(f"container {instance.id} ended") from gone

    def _group(self, instance: Instance) -> Group:
        with _asking("its control group", instance) as client:
            if container := container_ops.find(client, instance.handle["container"]):
                return container_ops.group(container, ssh.machine_named(instance.handle["node"]))
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
        with translate_errors("looking for leftovers") as client:
            return list(leftovers.find(client))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        with translate_errors(f"removing {leftover.kind} {leftover.name}") as client:
            leftovers.remove(client, leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell versions and settings of the local engine."""
        with translate_errors("asking for versions") as client:
            version, info = client.version(), client.info()
        components = {each["Name"].lower(): each["Version"] for each in version["Components"]}
        return components | {
            "api": version["ApiVersion"],
            "storage driver": info["Driver"],
            "cgroup": f"v{info.get('CgroupVersion', '1')}, {info['CgroupDriver']}",
            "default runtime": info["DefaultRuntime"],
            "security": ", ".join(info["SecurityOptions"] or ()),
        }
