# SPDX-License-Identifier: Apache-2.0
"""Containers of a Docker engine: unprivileged, with a read-only root.

`network` is how the client reaches a container: `nat`, through its published port; `bridge`, at its
own address, which this machine routes to; `host`, in the network namespace of this machine.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BASE, BuildRequest, StartRequest
from featherbench.errors import RESULTS_DISK, ImageError, InstanceError
from featherbench.ownership import LABEL, Leftover
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.rootfs.archives import image_record
from featherbench.system import subprocesses
from featherbench.system.cgroup import ControlGroup
from featherbench.system.firewall import allow_testbed_traffic
from featherbench.system.machine import Machine
from featherbench.system.ssh import machine_named
from featherbench.system.sysctls import settable_in_user_namespace
from featherbench.technologies._container import ContainerTechnology, Started, name_of
from featherbench.technologies.docker import containers, images
from featherbench.technologies.docker.connection import (
    candidate_sockets,
    socket_here,
    translate_errors,
)
from featherbench.user_input import MOST_MIB, RuntimeName

if TYPE_CHECKING:
    from docker import DockerClient

CONTAINER, NETWORK = "container", "network"


class Settings(DriverSettings):
    """How the engine runs the containers."""

    runtime: RuntimeName = "runc"
    """The engine's runtime; others, such as runsc, must be in its daemon.json."""
    memory_mib: Annotated[int, Field(ge=16, le=MOST_MIB)] | None = None
    """Limit of memory; none unless set."""
    seccomp: Literal["default", "unconfined"] = "default"
    """Filter of system calls: the engine's own, or none."""


def _name_port_owner(request: StartRequest, refused: InstanceError) -> NoReturn:
    """Raise `refused`; if the port is taken, with the containers that have published it."""
    if request.port is None or "already" not in refused.message:
        raise refused
    machine = request.placement.machine
    with translate_errors("looking for the port's owner", machine=machine) as client:
        owners = ", ".join(containers.publishers(client, request.port))
    by = f" by container {owners}" if owners else ""
    raise InstanceError(
        f"{request.placement.address}:{request.port} is taken{by}: {refused.message}",
        remedy=refused.remedy,
    ) from refused


@cache
def _has_user_namespace(machine_name: str) -> bool:
    """Whether the engine of a machine maps the users of its containers: userns-remap, rootless."""
    with translate_errors("asking for options", machine=machine_named(machine_name)) as client:
        options = client.info().get("SecurityOptions") or ()
    return any(word in option for option in options for word in ("name=userns", "name=rootless"))


class Technology(ContainerTechnology["DockerClient"]):
    """See `contracts/technology.py`."""

    Settings = Settings
    networks = ("nat", "bridge", "host")
    root_filesystems = (BASE,)
    subnet_share = 0

    name = "docker"
    engine_missing = MissingRequirement(
        what="there is no Docker engine", remedy="apt install docker.io"
    )
    sockets = candidate_sockets()
    daemons = ("dockerd", "podman")
    try_out_files = (*sockets, Path("/etc/docker/daemon.json"), Path("/usr/bin/dockerd"))
    operations = containers
    connected = staticmethod(translate_errors)

    def build_image(self, request: BuildRequest) -> Image:
        """Load an image of the root file system and, over it, the service's files."""
        root = request.root_filesystems[BASE]
        contents = images.Contents(
            service=request.service, root_tar=root.tar, root_digest=root.digest, files=request.files
        )
        doing = f"loading the {request.service} image"
        with translate_errors(doing, machine=request.machine, error=ImageError) as client:
            loaded = images.load(client, contents, into=request.into)
        with subprocesses.failure_as(ImageError, doing, place=RESULTS_DISK):
            allocated_bytes, apparent_bytes, how = images.size(
                loaded, contents, request.machine, into=request.into
            )
        return image_record(
            request,
            root,
            technology=self.name,
            digest=contents.digest,
            reference={"id": loaded["Id"], "tag": loaded["Tag"]},
            layer=contents.layer,
            allocated_bytes=allocated_bytes,
            apparent_bytes=apparent_bytes,
            counted=f"{how}; compressed: gzip of its layers. Images share their root layer; each"
            " counts it.",
            build_log=f"loaded {loaded['Tag']}",
        )

    def forget_image(self, image: Image) -> None:
        """Remove its name, and itself if it has no other."""
        with translate_errors(f"removal of {image.reference['tag']}", error=ImageError) as client:
            client.images.remove(image.reference["tag"])

    def prepare(self, request: StartRequest) -> None:
        """Connect, make the network, and let the client's packets pass to it."""
        placement, state = request.placement, str(request.placement.state)
        with translate_errors("preparing the engine", machine=placement.machine) as client:
            if request.network == "host":
                return
            containers.make_network(client, subnet=placement.container_subnet, state=state)
        self.settable(request.tuning, placement.machine)
        allow_testbed_traffic(state, placement.machine)

    def run(self, request: StartRequest) -> Started:
        """Create and start a container. Its address is the machine's if it has none of its own."""
        what, machine = f"the {request.service} container", request.placement.machine
        tuned = replace(request, tuning=self.settable(request.tuning, machine))
        arguments = containers.creation(tuned, **request.settings.model_dump())
        began_s = time.monotonic()
        with translate_errors(f"creation of {what}", machine=machine) as client:
            container = client.containers.create(**arguments)
        created_s = time.monotonic()
        try:
            with translate_errors(f"start of {what}", machine=machine):
                container.start()
                started_s = time.monotonic()
                containers.require_running(container)
        except InstanceError as refused:
            _name_port_owner(request, refused)
        networks = container.attrs["NetworkSettings"]["Networks"]
        address = networks.get(containers.NETWORK, {}).get("IPAddress") or request.placement.address
        phases_s = {"create": created_s - began_s, "start": started_s - created_s}
        return Started(address=address, handle={"container": container.id}, phases_s=phases_s)

    def control_group(self, instance: Instance, machine: Machine) -> ControlGroup:
        """Ask the engine for the first process, and the kernel for its group."""
        doing = f"container {instance.id}: its control group"
        with translate_errors(doing, machine=machine) as client:
            return containers.group(client, name_of(instance.id), machine)

    def settable(self, tuning: Tuning, machine: Machine) -> Tuning:
        """Return the tuning without what is hidden in an engine's user namespace, if it has one."""
        return (
            settable_in_user_namespace(tuning, machine)
            if _has_user_namespace(machine.name)
            else tuning
        )

    def differs(self, client: DockerClient, name: str) -> str:
        """Return why other runtimes than runc, which have a kernel of their own, may differ."""
        runtime = containers.runtime(client, name)
        return "" if runtime == Settings().runtime else f"the runtime {runtime} has"

    def owned(self, client: DockerClient) -> Iterator[Leftover]:
        """Yield containers first: a network that has some cannot be removed."""
        has_label: dict[str, str | list[str] | bool] = {"label": LABEL}
        for container in client.containers.list(all=True, filters=has_label, ignore_removed=True):
            state = container.labels.get(containers.STATE_LABEL, "")
            yield Leftover(kind=CONTAINER, name=str(container.name), state=state)
        for made in client.networks.list(filters=has_label):
            state = made.attrs["Labels"].get(containers.STATE_LABEL, "")
            yield Leftover(kind=NETWORK, name=str(made.name), state=state)

    def remove_owned(self, client: DockerClient, leftover: Leftover) -> None:
        """Remove a container or the network."""
        import docker  # noqa: PLC0415 - heavy

        if leftover.kind == CONTAINER:
            containers.remove(client, leftover.name)
            return
        with contextlib.suppress(docker.errors.NotFound):
            client.networks.get(leftover.name).remove()

    def facts(self) -> Mapping[str, str]:
        """Return versions and settings of the local engine."""
        with translate_errors("asking for versions") as client:
            version, info = client.version(), client.info()
        components = {
            component["Name"].lower(): component["Version"].partition("\n")[0]
            for component in version["Components"]
        }
        return components | {
            "answers": f"{version['Components'][0]['Name']} at {socket_here()}",
            "api": version["ApiVersion"],
            "storage driver": info["Driver"],
            "cgroup": f"v{info.get('CgroupVersion', '1')}, {info['CgroupDriver']}",
            "default runtime": info["DefaultRuntime"],
            "security": ", ".join(info["SecurityOptions"] or ()),
        }
