# SPDX-License-Identifier: Apache-2.0
"""A system container of LXD or Incus: unprivileged, with an init system that starts the service.

`network` is how the client reaches it: `nat`, through its published port, which LXD translates;
`bridge`, at its own address, which this machine routes to. There is no `host`: an init system in
the network namespace of this machine would manage that.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field

from featherbench import firewall, nodes, programs
from featherbench.accounting import reset_peak, usage_of
from featherbench.clock import now_utc
from featherbench.errors import (
    FeatherbenchError,
    ImageError,
    InstanceDiedError,
    InstanceError,
    TestbedError,
)
from featherbench.layers import image_compressed_bytes
from featherbench.limits import HIDDEN, in_force, sysctl_files
from featherbench.lxd import containers, images, leftovers, network, running, storage, sysctls
from featherbench.lxd.connection import SOCKETS, explaining
from featherbench.platforms.contract import Lack
from featherbench.record import Endpoint, Image, ImageSize, Instance
from featherbench.settings import DriverSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from pylxd import Client

    from featherbench.cgroup import Group
    from featherbench.platforms.contract import BuildOrder, Leftover, StartOrder, Tuning
    from featherbench.record import Usage

NAME = "lxd"
ROOT = "system"
NEEDS = {"iptables": "iptables", **programs.FOR_ROOT_FILESYSTEM}
DAEMONS = ("lxd", "incusd")
COUNTED = (
    "what a container of it takes in a folder, where it shares nothing with another's;"
    " compressed: gzip of its archives"
)
MAIN_PROCESS = ["systemctl", "show", "--property=MainPID", "--value", "featherbench.service"]


class Settings(DriverSettings):
    """How LXD runs the containers."""

    storage: Literal["dir", "btrfs"] = "dir"
    """Driver of the storage pool: each container a copy of its image's files, or a snapshot."""
    memory_mib: Annotated[int, Field(ge=32)] | None = None
    """Limit of memory, the init system's included; none unless set."""


def _asking(doing: str, instance: Instance) -> AbstractContextManager[Client]:
    where = nodes.named(instance.handle["node"])
    return explaining(f"container {instance.id}: {doing}", node=where)


def _refuse_if_taken(client: Client, order: StartOrder) -> None:
    """Refuse a port that is another's: LXD would translate for both, and one would be measured."""
    if order.network != "nat" or order.port is None:
        return
    place = order.place
    listening = ["ss", "-Hltnp", "src", f"{place.address}:{order.port}"]
    by = running.publishers(client, f"tcp:{place.address}:{order.port}")
    others = place.node.run(listening, timeout_s=network.ASK_WITHIN_S, check=False).stdout.split()
    if by or others:
        raise InstanceError(
            f"{place.address}:{order.port} is taken by {', '.join(by) or others[-1]}",
            remedy="end what listens there; `ss -ltnp` and `lxc list` tell",
        )


def _create(order: StartOrder) -> str:
    """Create the container, and give its address."""
    with explaining(f"creation of the {order.app} container", node=order.place.node) as client:
        _refuse_if_taken(client, order)
        address = network.free_address(client, order.place)
        possible = replace(order, tuning=sysctls.visible(order.tuning, order.place.node))
        described = containers.creation(possible, address, **order.settings.model_dump())
        client.instances.create(described, wait=True)
    return address


def _start(order: StartOrder, name: str) -> int:
    """Start a container that was created, and give the pid of its first process."""
    with explaining(f"start of the {order.app} container", node=order.place.node) as client:
        client.instances.get(name).start(wait=True)
        return running.first_process(client, name)


class Technology:
    """See `platforms/contract.py`."""

    Settings = Settings
    networks = ("nat", "bridge")
    root_filesystems = (ROOT,)
    subnet_share = 1
    fixed_memory = False

    def lacks(self) -> Sequence[Lack]:
        """Name a missing LXD, missing programs and rights; LXD is not asked."""
        lacks = [*programs.lacking_root(), *programs.missing(NEEDS)]
        if not any(each.exists() for each in SOCKETS) and not any(map(shutil.which, DAEMONS)):
            lacks.insert(0, Lack(what="there is no LXD", remedy="apt install lxd dnsmasq-base"))
        return lacks

    def build_image(self, order: BuildOrder) -> Image:
        """Load an image of the root file system and, over it, the app's files and its unit."""
        root = order.roots[ROOT]
        contents = images.Contents(app=order.app, root_tar=root.tar, files=order.files)
        doing, state = f"loading the {order.app} image", str(order.state)
        with explaining(doing, node=order.node, error=ImageError) as client:
            found = images.load(client, contents, into=order.into)
            allocated, apparent = images.unpacked_bytes(
                client, found["fingerprint"], state=state, node=order.node
            )
        return Image(
            technology=NAME,
            app=order.app,
            digest=found["fingerprint"],
            reference=dict(found),
            size=ImageSize(
                allocated_bytes=allocated,
                apparent_bytes=apparent,
                compressed_bytes=image_compressed_bytes(
                    root.tar, root.compressed_bytes, contents.layer
                ),
                counted=COUNTED,
            ),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"loaded {found['alias']}",
        )

    def prepare(self, order: StartOrder) -> None:
        """Connect; make our network and pool, and let the client's packets pass."""
        place = order.place
        with explaining("preparing LXD", node=place.node, error=TestbedError) as client:
            _prepare(client, order)
        sysctls.hidden(order.tuning, place.node)
        firewall.let_pass_docker(str(place.state), place.node)

    def start(self, order: StartOrder) -> Instance:
        """Create a container and start it."""
        name, where = containers.name_of(order.instance_id), order.place.node
        began_s = time.monotonic()
        try:
            address = _create(order)
            created_s = time.monotonic()
            pid = _start(order, name)
        except BaseException:
            with explaining(f"removal of the {order.app} container", node=where) as client:
                running.remove(client, name)
            raise
        return Instance(
            id=order.instance_id,
            technology=NAME,
            app=order.app,
            handle={"pid": pid, "node": where.name, "log": str(order.log)},
            endpoint=Endpoint(
                address=address if order.network == "bridge" else order.place.address,
                port=order.port or 0,
                ping_address=address,
            ),
            started_utc=now_utc(),
            start_phases_s={
                "create": created_s - began_s,
                "start": time.monotonic() - created_s,
            },
        )

    def start_phases_s(self, instance: Instance) -> Mapping[str, float]:
        """Give what `start` recorded."""
        return instance.start_phases_s

    def is_running(self, instance: Instance) -> bool:
        """Ask LXD: the container ends when the service does."""
        with _asking("is it running", instance) as client:
            return running.status(client, containers.name_of(instance.id)) == running.RUNNING

    def diagnosis(self, instance: Instance) -> str:
        """State as LXD has it, and the last lines of output."""
        try:
            with _asking("its state", instance) as client:
                name = containers.name_of(instance.id)
                there = running.status(client, name)
                return running.condition(client, name) if there else "its container is gone"
        except FeatherbenchError as unknown:
            return unknown.message

    def stop(self, instance: Instance) -> None:
        """Shut the container down, keep its output, remove it."""
        with _asking("its end", instance) as client:
            running.end(client, instance.id, log=Path(instance.handle["log"]))

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return usage_of(self._group(instance))
        except OSError as gone:
            raise InstanceDiedError(f"container {instance.id} ended") from gone

    def _group(self, instance: Instance) -> Group:
        where = nodes.named(instance.handle["node"])
        return running.group(containers.name_of(instance.id), instance.handle["pid"], where)

    def reset_peak(self, instance: Instance) -> bool:
        """Reset its control group's."""
        return reset_peak(self._group(instance))

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read sysctls and the service's limit with programs inside the container."""
        where = nodes.named(instance.handle["node"])
        possible = sysctls.visible(tuning, where)
        files = sysctl_files(possible)
        name = containers.name_of(instance.id)
        with _asking("its tuning", instance) as client:
            _, pid = running.run_inside(client, name, MAIN_PROCESS)
            failed, said = running.run_inside(client, name, ["cat", *files, f"/proc/{pid}/limits"])
        if failed:
            raise TestbedError(
                f"the tuning cannot be read inside container {instance.id}: {said}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        unknown = dict.fromkeys(sysctls.hidden(tuning, where), HIDDEN)
        return {**in_force(said, possible), **unknown}

    def leftovers(self) -> Sequence[Leftover]:
        """Find containers, the network, the pool and firewall rules of ours."""
        with explaining("looking for leftovers") as client:
            return list(leftovers.find(client))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        with explaining(f"removing {leftover.kind} {leftover.name}") as client:
            leftovers.remove(client, leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell versions and settings of this machine's LXD."""
        with explaining("asking for versions") as client:
            told = client.host_info
        environment = told["environment"]
        return {
            environment["server"]: environment["server_version"],
            environment["driver"]: environment["driver_version"],
            "api": told["api_version"],
            "firewall": environment["firewall"],
        }


def _prepare(client: Client, order: StartOrder) -> None:
    """Have ready what containers share: the network, the pool, and the image where it needs to."""
    place, state = order.place, str(order.place.state)
    driver = cast("Settings", order.settings).storage
    network.require_firewall(client, place.node)
    network.make_network(client, subnet=place.container_subnet, state=state)
    storage.make_pool(client, driver, state=state)
    storage.have_unpacked(client, driver, order.image.reference["fingerprint"], state=state)
