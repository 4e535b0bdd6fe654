# SPDX-License-Identifier: Apache-2.0
"""Guests made of our images, as domains of Xen's: whole systems, and those with an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from featherbench.errors import FeatherbenchError
from featherbench.vm import instance_dir
from featherbench.vm.boot import boot_report, seed
from featherbench.vm.libvirt import requirements as missing_requirements
from featherbench.vm.libvirt.domain_xml import mac_of
from featherbench.vm.network import bridge
from featherbench.vm.settings import WholeXenSettings, XenSettings
from featherbench.xen import domain_lifecycle, image_cache, network_link
from featherbench.xen import requirements as of_xen
from featherbench.xen.dom0_probe import look
from featherbench.xen.domain_lifecycle import SEED, Drive, Guests
from featherbench.xen.xl_config import Domain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.contracts.vm_runner import VmRequest
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.requirement import MissingRequirement
    from featherbench.vm.image.disk import Parts
    from featherbench.vm.network.addresses import Layout
    from featherbench.vm.settings import GuestSettings, WholeSystemSettings
    from featherbench.xen.settings import Dom0Settings

ROOT, SEED_DISK = "xvda", "xvdb"
"""How the guest calls its disks: resources/vm knows these names."""
CMDLINE = "console=hvc0 quiet panic=-1 net.ifnames=0 fb_report=hvc0"
"""What every guest's kernel is told: the console carries what the guest tells us, too."""
FACTS = ("xen_version", "xen_scheduler", "virt_caps", "nr_cpus", "total_memory", "release")


def prepare_bridge(
    settings: Dom0Settings, guest_subnet: str, *, state: str, callback_address: str
) -> Layout:
    """Make the guests' bridge, and lay the way to domains that are elsewhere."""
    layout = bridge.prepare(guest_subnet, state=state, callback_address=callback_address)
    if settings.link:
        network_link.attach(settings.link, bridge.of(state))
    return layout


def facts_of(settings: Dom0Settings) -> Mapping[str, str]:
    """Tell of Xen; of a dom0 without it, why. Raises HostSilentError."""
    found = look(settings)
    if isinstance(found, str):
        return {"not available": found}
    told = {name: found.info[name] for name in FACTS if name in found.info}
    where = {"dom0": settings.dom0 or "this machine", "cpus": settings.cpus or "any"}
    return {**told, "processor": found.processor, **where}


@dataclass(frozen=True, kw_only=True)
class Xen:
    """See `contracts/vm_runner.py`."""

    hypervisor: str
    emulated: bool
    settings: Dom0Settings

    Settings: ClassVar[type[GuestSettings]] = XenSettings
    WholeSystemSettings: ClassVar[type[WholeSystemSettings]] = WholeXenSettings

    @property
    def name(self) -> str:
        """As the host is called."""
        return self.hypervisor

    @property
    def booted_within_s(self) -> float:
        """Emulated, a kernel takes its time."""
        return 300.0 if self.emulated else 30.0

    @property
    def ready_within_s(self) -> float:
        """Emulated, an engine takes its time."""
        return 1200.0 if self.emulated else 120.0

    @property
    def _guests(self) -> Guests:
        return Guests(hypervisor=self.hypervisor, settings=self.settings)

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name what images are made with, and what Xen lacks."""
        found = [
            *missing_requirements.of_images(),
            *of_xen.of(self.settings, emulated=self.emulated),
        ]
        return list(dict.fromkeys(found))

    def prepare(
        self, guest_subnet: str, parts: Parts, *, state: str, callback_address: str
    ) -> Layout:
        """Make the bridge, lay the way to dom0, and bring the image there."""
        layout = prepare_bridge(
            self.settings, guest_subnet, state=state, callback_address=callback_address
        )
        self._guests.end_others(state)
        image_cache.bring(self._guests.dom0, (parts.kernel, parts.initrd, parts.disk))
        return layout

    def start(self, request: VmRequest) -> None:
        """Make block devices of its disks, and have xl create it."""
        try:
            self._start(request)
        except BaseException:
            self.stop(request.instance_id)
            raise

    def _start(self, request: VmRequest) -> None:
        ours, instance_id = self._guests, request.instance_id
        ours.begin(instance_id, state=request.state)
        instance_dir.of(instance_id).report.symlink_to(request.console.resolve())
        told = ours.write(instance_id, SEED, seed.archive(request.seed()).decode())
        root = image_cache.place_in(ours.dom0, request.parts.disk)
        disks = ours.attach(
            instance_id,
            (
                Drive(file=root, name=ROOT, readonly=False),
                Drive(file=told, name=SEED_DISK, readonly=True),
            ),
        )
        settings = cast("XenSettings", request.settings)
        domain = Domain(
            instance_id=instance_id,
            mode=settings.mode,
            kernel=image_cache.place_in(ours.dom0, request.parts.kernel),
            ramdisk=image_cache.place_in(ours.dom0, request.parts.initrd),
            cmdline=f"{CMDLINE} fb_init={request.init} {request.kernel_words}".strip(),
            memory_mib=request.memory_mib or settings.memory_mib,
            vcpus=settings.vcpus_on(request.cpus),
            cpus=self.settings.cpus,
            disks=disks,
            bridge=self.settings.bridge or bridge.of(request.state),
            mac=mac_of(instance_id),
        )
        ours.create(domain, request.console.resolve())

    def stop(self, instance_id: str) -> None:
        """Destroy it, and take its block devices away."""
        self._guests.end(instance_id)

    def is_running(self, instance_id: str) -> bool:
        """Ask xl."""
        found = self._guests.domains.listed(instance_id)
        return found is not None and found.state == "running"

    def told(self, instance_id: str) -> Mapping[str, str]:
        """Read it from its console."""
        return boot_report.read(instance_dir.of(instance_id).report)

    def phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Tell of kernel and user space, both by the guest's own clock."""
        told = self.told(instance_id)
        try:
            kernel_s = float(told[boot_report.USER_SPACE_BEGAN])
            return {
                "kernel": kernel_s,
                "user_space": float(told[boot_report.SERVICE_BEGAN]) - kernel_s,
            }
        except (KeyError, ValueError):  # not told yet, or the kernel has talked into the line
            return {}

    def usage(self, instance_id: str) -> Usage:
        """Read what Xen accounts."""
        return self._guests.domains.usage(instance_id)

    def reset_peak(self, instance_id: str) -> bool:
        """Say no: Xen sets memory aside for a domain, and knows no peak."""
        return False

    def diagnosis(self, instance_id: str, console: Path, address: str, port: int) -> str:
        """Ask xl, and read its console."""
        said = boot_report.console_tail(console)
        try:
            found = self._guests.domains.listed(instance_id)
        except FeatherbenchError as unknown:
            return f"{unknown.message}; its console said last:\n{said}"
        running = found is not None and found.state == "running"
        state = f"the domain is {found.state}" if found else boot_report.end_of(said)
        if running and port and bridge.takes_connections(address, port):
            state += f", and {address}:{port} takes connections"
        progress = boot_report.progress(self.told(instance_id))
        return f"{state}; {progress}; its console said last:\n{said}"

    def facts(self) -> Mapping[str, str]:
        """Tell of Xen, and of dom0."""
        return facts_of(self.settings)

    def leftovers(self) -> Iterator[Leftover]:
        """Find domains by their folders here."""
        return self._guests.leftovers()

    def remove(self, leftover: Leftover) -> None:
        """End one, wherever its dom0 is."""
        domain_lifecycle.remove(self.hypervisor, leftover)
