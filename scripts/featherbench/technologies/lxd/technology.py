# SPDX-License-Identifier: Apache-2.0
"""A system container of LXD or Incus: unprivileged, with an init system that starts the service.

`network` is how the client reaches it: `nat`, through its published port, which LXD translates;
`bridge`, at its own address, which this machine routes to. There is no `host`: an init system in
the network namespace of this machine would manage that.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import Field

from featherbench.clock import now_utc
from featherbench.contracts import technology
from featherbench.contracts.settings import DriverSettings
from featherbench.errors import (
    FeatherbenchError,
    ImageError,
    InstanceDiedError,
    InstanceError,
    TestbedError,
)
from featherbench.records.image import Image, ImageSize
from featherbench.records.instance import Endpoint, Instance
from featherbench.records.requirement import MissingRequirement
from featherbench.rootfs.archives import image_compressed_bytes
from featherbench.system import firewall, programs, ssh
from featherbench.system.cgroup_usage import reset_peak, usage_of
from featherbench.system.sysctls import HIDDEN, in_force, sysctl_files
from featherbench.technologies.lxd import (
    container_ops,
    container_spec,
    images,
    leftovers,
    network,
    storage,
    sysctls,
)
from featherbench.technologies.lxd.connection import SOCKETS, translate_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from pylxd import Client

    from featherbench.contracts.technology import BuildRequest, StartRequest
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.tuning import Tuning
    from featherbench.system.cgroup import Group

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
    where = ssh.machine_named(instance.handle["node"])
    return translate_errors(f"container {instance.id}: {doing}", machine=where)


def _refuse_if_taken(client: Client, request: StartRequest) -> None:
    """Refuse a port that is another's: LXD would translate for both, and one would be measured."""
    if request.network != "nat" or request.port is None:
        return
    placement = request.placement
    listening = ["ss", "-Hltnp", "src", f"{placement.address}:{request.port}"]
    by = container_ops.publishers(client, f"tcp:{placement.address}:{request.port}")
    others = placement.machine.run(
        listening, timeout_s=network.ASK_WITHIN_S, check=False
    ).stdout.split()
    if by or others:
        raise InstanceError(
            f"{placement.address}:{request.port} is taken by {', '.join(by) or others[-1]}",
            remedy="end what listens there; `ss -ltnp` and `lxc list` tell",
        )


def _create(request: StartRequest) -> str:
    """Create the container, and give its address."""
    with translate_errors(
        f"creation of the {request.service} container", machine=request.placement.machine
    ) as client:
        _refuse_if_taken(client, request)
        address = network.free_address(client, request.placement)
        possible = replace(
            request, tuning=sysctls.visible(request.tuning, request.placement.machine)
        )
        described = container_spec.creation(possible, address, **request.settings.model_dump())
        client.instances.create(described, wait=True)
    return address


def _start(request: StartRequest, name: str) -> int:
    """Start a container that was created, and give the pid of its first process."""
    with translate_errors(
        f"start of the {request.service} container", machine=request.placement.machine
    ) as client:
        client.instances.get(name).start(wait=True)
        return container_ops.first_process(client, name)


class Technology(technology.Technology[Settings]):
    """See `contracts/technology.py`."""

    Settings = Settings
    networks = ("nat", "bridge")
    root_filesystems = (ROOT,)
    subnet_share = 1
    fixed_memory = False

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name a missing LXD, missing programs and rights; LXD is not asked."""
        missing_requirements = [*programs.missing_root(), *programs.missing(NEEDS)]
        if not any(each.exists() for each in SOCKETS) and not any(map(programs.path_of, DAEMONS)):
            missing_requirements.insert(
                0, MissingRequirement(what="there is no LXD", remedy="apt install lxd dnsmasq-base")
            )
        return missing_requirements

    def build_image(self, request: BuildRequest) -> Image:
        """Load an image of the root file system and, over it, the app's files and its unit."""
        root = request.root_filesystems[ROOT]
        contents = images.Contents(service=request.service, root_tar=root.tar, files=request.files)
        doing, state = f"loading the {request.service} image", str(request.state)
        with translate_errors(doing, machine=request.machine, error=ImageError) as client:
            found = images.load(client, contents, into=request.into)
            allocated, apparent = images.unpacked_bytes(
                client, found["fingerprint"], state=state, machine=request.machine
            )
        return Image(
            technology=NAME,
            service=request.service,
            digest=found["fingerprint"],
            reference=dict(found),
            size=ImageSize(
                allocated_bytes=allocated,
                apparent_bytes=apparent,
                compressed_bytes=image_compressed_bytes(root, contents.layer),
                counted=COUNTED,
            ),
            versions=dict(root.versions),
            built_utc=now_utc(),
            build_log=f"loaded {found['alias']}",
        )

    def prepare(self, request: StartRequest) -> None:
        """Connect; make our network and pool, and let the client's packets pass."""
        placement = request.placement
        with translate_errors(
            "preparing LXD", machine=placement.machine, error=TestbedError
        ) as client:
            _prepare(client, request)
        sysctls.hidden(request.tuning, placement.machine)
        firewall.let_pass_docker(str(placement.state), placement.machine)

    def start(self, request: StartRequest) -> Instance:
        """Create a container and start it."""
        name, where = container_spec.name_of(request.instance_id), request.placement.machine
        began_s = time.monotonic()
        try:
            address = _create(request)
            created_s = time.monotonic()
            pid = _start(request, name)
        except BaseException:
            with translate_errors(
                f"removal of the {request.service} container", machine=where
            ) as client:
                container_ops.remove(client, name)
            raise
        return Instance(
            id=request.instance_id,
            technology=NAME,
            service=request.service,
            handle={"pid": pid, "node": where.name, "log": str(request.log)},
            endpoint=Endpoint(
                address=address if request.network == "bridge" else request.placement.address,
                port=request.port or 0,
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
            return (
                container_ops.status(client, container_spec.name_of(instance.id))
                == container_ops.RUNNING
            )

    def diagnosis(self, instance: Instance) -> str:
        """State as LXD has it, and the last lines of output."""
        try:
            with _asking("its state", instance) as client:
                name = container_spec.name_of(instance.id)
                there = container_ops.status(client, name)
                return container_ops.condition(client, name) if there else "its container is gone"
        except FeatherbenchError as unknown:
            return unknown.message

    def stop(self, instance: Instance) -> None:
        """Shut the container down, keep its output, remove it."""
        with _asking("its end", instance) as client:
            container_ops.end(client, instance.id, log=Path(instance.handle["log"]))

    def usage(self, instance: Instance) -> Usage:
        """Read its control group."""
        try:
            return usage_of(self._group(instance))
        except OSError as gone:
            raise InstanceDiedError(f"container {instance.id} ended") from gone

    def _group(self, instance: Instance) -> Group:
        where = ssh.machine_named(instance.handle["node"])
        return container_ops.group(
            container_spec.name_of(instance.id), instance.handle["pid"], where
        )

    def reset_peak(self, instance: Instance) -> bool:
        """Reset its control group's."""
        return reset_peak(self._group(instance))

    def tuning_in_force(self, instance: Instance, tuning: Tuning) -> Mapping[str, str]:
        """Read sysctls and the service's limit with programs inside the container."""
        where = ssh.machine_named(instance.handle["node"])
        possible = sysctls.visible(tuning, where)
        files = sysctl_files(possible)
        name = container_spec.name_of(instance.id)
        with _asking("its tuning", instance) as client:
            _, pid = container_ops.run_inside(client, name, MAIN_PROCESS)
            failed, said = container_ops.run_inside(
                client, name, ["cat", *files, f"/proc/{pid}/limits"]
            )
        if failed:
            raise TestbedError(
                f"the tuning cannot be read inside container {instance.id}: {said}",
                remedy="take sysctls that it does not have out of tuning.net_sysctls",
            )
        unknown = dict.fromkeys(sysctls.hidden(tuning, where), HIDDEN)
        return {**in_force(said, possible), **unknown}

    def leftovers(self) -> Sequence[Leftover]:
        """Find containers, the network, the pool and firewall rules of ours."""
        with translate_errors("looking for leftovers") as client:
            return list(leftovers.find(client))

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        with translate_errors(f"removing {leftover.kind} {leftover.name}") as client:
            leftovers.remove(client, leftover)

    def facts(self) -> Mapping[str, str]:
        """Tell versions and settings of this machine's LXD."""
        with translate_errors("asking for versions") as client:
            told = client.host_info
        environment = told["environment"]
        return {
            environment["server"]: environment["server_version"],
            environment["driver"]: environment["driver_version"],
            "api": told["api_version"],
            "firewall": environment["firewall"],
        }


def _prepare(client: Client, request: StartRequest) -> None:
    """Have ready what containers share: the network, the pool, and the image where it needs to."""
    placement, state = request.placement, str(request.placement.state)
    driver = cast("Settings", request.settings).storage
    network.require_firewall(client, placement.machine)
    network.make_network(client, subnet=placement.container_subnet, state=state)
    storage.make_pool(client, driver, state=state)
    storage.have_unpacked(client, driver, request.image.reference["fingerprint"], state=state)
