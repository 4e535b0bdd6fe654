# SPDX-License-Identifier: Apache-2.0
"""System containers of LXD or Incus: unprivileged, with an init system that starts the service.

`network` is how the client reaches a container: `nat`, through its published port, which LXD
translates; `bridge`, at its own address, which this machine routes to. There is no `host`: an init
system in the network namespace of this machine would manage that.

Some kernels hide sysctls from an unprivileged container. Debian 12's 6.1, for example, hides
net.core from a network namespace that belongs to a user namespace: its values are the kernel's
defaults, and can be neither set nor read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from featherbench.contracts.settings import DriverSettings
from featherbench.contracts.technology import BuildRequest, StartRequest
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.ownership import Leftover
from featherbench.records.instance import Image, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.rootfs.archives import image_record
from featherbench.system import firewall
from featherbench.system.cgroup import ControlGroup
from featherbench.system.machine import Machine
from featherbench.system.sysctls import settable_in_user_namespace
from featherbench.technologies._container import (
    ContainerTechnology,
    Started,
    name_of,
    published_port,
)
from featherbench.technologies.lxd import containers, images, resources
from featherbench.technologies.lxd.connection import SOCKETS, translate_errors
from featherbench.user_input import MOST_MIB

if TYPE_CHECKING:
    from pylxd import Client

ROOT = "system"
MAIN_PROCESS = ["systemctl", "show", "--property=MainPID", "--value", "featherbench.service"]


class Settings(DriverSettings):
    """How LXD runs the containers."""

    storage: Literal["dir", "btrfs"] = "dir"
    """Driver of the storage pool: each container a copy of its image's files, or a snapshot."""
    memory_mib: Annotated[int, Field(ge=32, le=MOST_MIB)] | None = None
    """Limit of memory, the init system's included; none unless set."""


def _refuse_taken_port(client: Client, request: StartRequest) -> None:
    """Raise InstanceError if the port is taken: LXD would translate for both."""
    port = published_port(request)
    if port is None:
        return
    placement = request.placement
    argv = ["ss", "-Hltnp", "src", f"{placement.address}:{port}"]
    publishers = containers.publishers(client, f"tcp:{placement.address}:{port}")
    listening = placement.machine.run(argv, timeout_s=resources.ASK_WITHIN_S, check=False).stdout
    if publishers or listening:
        raise InstanceError(
            f"{placement.address}:{port} is taken by"
            f" {', '.join(publishers) or listening.split()[-1]}",
            remedy="end what listens there; see `ss -ltnp` and `lxc list`",
        )


class Technology(ContainerTechnology["Client"]):
    """See `contracts/technology.py`."""

    Settings = Settings
    networks = ("nat", "bridge")
    root_filesystems = (ROOT,)
    subnet_share = 1

    name = "lxd"
    engine_missing = MissingRequirement(
        what="there is no LXD", remedy="apt install lxd dnsmasq-base"
    )
    sockets = SOCKETS
    daemons = ("lxd", "incusd")
    try_out_files = (*SOCKETS, Path("/usr/sbin/lxd"))
    operations = containers
    connected = staticmethod(translate_errors)

    def build_image(self, request: BuildRequest) -> Image:
        """Load an image of the root file system and, over it, the service's files and unit."""
        root = request.root_filesystems[ROOT]
        contents = images.Contents(service=request.service, root_tar=root.tar, files=request.files)
        doing = f"loading the {request.service} image"
        with translate_errors(doing, machine=request.machine, error=ImageError) as client:
            reference = images.load(client, contents, into=request.into)
            allocated_bytes, apparent_bytes = images.unpacked_bytes(
                client, reference["fingerprint"], state=str(request.state), machine=request.machine
            )
        return image_record(
            request,
            root,
            technology=self.name,
            digest=reference["fingerprint"],
            reference=reference,
            layer=contents.layer,
            allocated_bytes=allocated_bytes,
            apparent_bytes=apparent_bytes,
            counted="a container of it in a folder, which shares nothing with another's;"
            " compressed: gzip of its archives",
            build_log=f"loaded {reference['alias']}",
        )

    def forget_image(self, image: Image) -> None:
        """Remove it, with its alias."""
        with translate_errors(f"removal of {image.reference['alias']}", error=ImageError) as client:
            client.images.get(image.reference["fingerprint"]).delete(wait=True)

    def prepare(self, request: StartRequest) -> None:
        """Connect, make the network and the pool, and let the client's packets pass."""
        placement, state = request.placement, str(request.placement.state)
        doing, driver = "preparing LXD", request.settings.storage
        fingerprint = request.image.reference["fingerprint"]
        with translate_errors(doing, machine=placement.machine, error=TestbedError) as client:
            resources.require_firewall(client, placement.machine)
            resources.make_network(client, subnet=placement.container_subnet, state=state)
            images.make_pool(client, driver, state=state)
            images.ensure_unpacked(client, driver, fingerprint, state=state)
        self.settable(request.tuning, placement.machine)
        firewall.allow_testbed_traffic(state, placement.machine)

    def run(self, request: StartRequest) -> Started:
        """Create and start a container, and find its first process."""
        name, machine = name_of(request.instance_id), request.placement.machine
        what = f"the {request.service} container"
        began_s = time.monotonic()
        with translate_errors(f"creation of {what}", machine=machine) as client:
            _refuse_taken_port(client, request)
            address = resources.free_address(client, request.placement)
            tuned = replace(request, tuning=self.settable(request.tuning, machine))
            container = containers.creation(tuned, address, **request.settings.model_dump())
            client.instances.create(container, wait=True)
        created_s = time.monotonic()
        with translate_errors(f"start of {what}", machine=machine) as client:
            client.instances.get(name).start(wait=True)
            pid = containers.first_process(client, name)
        phases_s = {"create": created_s - began_s, "start": time.monotonic() - created_s}
        return Started(address=address, handle={"pid": pid}, phases_s=phases_s)

    def control_group(self, instance: Instance, machine: Machine) -> ControlGroup:
        """Ask the kernel for the group of the first process."""
        return containers.group(name_of(instance.id), instance.handle["pid"], machine)

    def settable(self, tuning: Tuning, machine: Machine) -> Tuning:
        """Return the tuning without what the kernel hides from unprivileged containers."""
        return settable_in_user_namespace(tuning, machine)

    def limits_file(self, client: Client, name: str) -> str:
        """Return the limits of the service, which the init system started."""
        _, pid = containers.run_inside(client, name, MAIN_PROCESS)
        return f"/proc/{pid.strip()}/limits"

    def owned(self, client: Client) -> Iterator[Leftover]:
        """Yield containers, the network and the pools."""
        return resources.leftovers(client)

    def remove_owned(self, client: Client, leftover: Leftover) -> None:
        """Remove one of them."""
        from pylxd.exceptions import NotFound  # noqa: PLC0415 - heavy

        if leftover.kind == resources.CONTAINER:
            containers.remove(client, leftover.name)
            return
        with contextlib.suppress(NotFound):
            client.api[resources.KINDS[leftover.kind]][leftover.name].delete()

    def facts(self) -> Mapping[str, str]:
        """Return versions and settings of this machine's LXD."""
        with translate_errors("asking for versions") as client:
            info = client.host_info
        environment = info["environment"]
        return {
            environment["server"]: environment["server_version"],
            environment["driver"]: environment["driver_version"],
            "api": info["api_version"],
            "firewall": environment["firewall"],
        }
