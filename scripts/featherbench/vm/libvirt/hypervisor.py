# SPDX-License-Identifier: Apache-2.0
"""Guests of QEMU, by libvirt: made from an image for a start, watched, removed without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from featherbench.errors import FeatherbenchError
from featherbench.files import write_atomic
from featherbench.vm import instance_dir
from featherbench.vm.boot import boot_report, seed
from featherbench.vm.libvirt import domains, leftovers, vm_usage
from featherbench.vm.libvirt import requirements as missing_requirements
from featherbench.vm.libvirt.domain_xml import (
    ROOT_DISK,
    SEED_DISK,
    Definition,
    DirectBoot,
    Disk,
    Nic,
    mac_of,
)
from featherbench.vm.libvirt.vhost import has_vhost
from featherbench.vm.network import bridge
from featherbench.vm.settings import QemuSettings, WholeQemuSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.contracts.vm_runner import VmRequest
    from featherbench.ownership import Leftover
    from featherbench.records.cell import Usage
    from featherbench.records.requirement import MissingRequirement
    from featherbench.vm.image.disk import Parts
    from featherbench.vm.instance_dir import Folder
    from featherbench.vm.libvirt.domain_xml import Accelerator
    from featherbench.vm.network.addresses import Layout
    from featherbench.vm.settings import GuestSettings, WholeSystemSettings

CMDLINE = "console=ttyS0 quiet panic=-1 net.ifnames=0"
"""What every guest's kernel is told: `panic=-1` restarts at once, which ends the machine."""
QEMU_LOG_LINES = 2


def _settings(request: VmRequest) -> QemuSettings:
    return cast("QemuSettings", request.settings)


def _disks(request: VmRequest, own: Folder) -> tuple[Disk, ...]:
    cache = _settings(request).disk_cache
    seed_disk = Disk(file=own.seed, format="raw", serial=SEED_DISK, readonly=True)
    instance_dir.make_overlay(request.parts.disk, own.overlay)
    return Disk(file=own.overlay, format="qcow2", serial=ROOT_DISK, cache=cache), seed_disk


def _definition(request: VmRequest, own: Folder, accelerator: Accelerator) -> Definition:
    words = f"{CMDLINE} fb_init={request.init} {request.kernel_words}".strip()
    parts = request.parts
    return Definition(
        instance_id=request.instance_id,
        state=request.state,
        accelerator=accelerator,
        machine=_settings(request).machine,
        vcpus=request.settings.vcpus_on(request.cpus),
        memory_mib=request.memory_mib or request.settings.memory_mib,
        boot=DirectBoot(kernel=parts.kernel, initrd=parts.initrd, cmdline=words),
        disks=_disks(request, own),
        cpus=request.cpus,
        console=request.console.resolve(),
        report=own.report,
        nic=Nic(
            bridge=bridge.of(request.state),
            mac=mac_of(request.instance_id),
            vhost=has_vhost(accelerator),
        ),
    )


def _qemu_said(instance_id: str) -> str:
    """Give the end of libvirt's log of a guest that is gone: what QEMU said, and how it ended."""
    log = domains.qemu_log(instance_id)
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-QEMU_LOG_LINES:]
    return f" (libvirt's log of it ends: {'; '.join(lines)})"


@dataclass(frozen=True, kw_only=True)
class Qemu:
    """See `contracts/vm_runner.py`."""

    accelerator: Accelerator

    Settings: ClassVar[type[GuestSettings]] = QemuSettings
    WholeSystemSettings: ClassVar[type[WholeSystemSettings]] = WholeQemuSettings

    @property
    def name(self) -> str:
        """The host is called as its accelerator."""
        return self.accelerator

    @property
    def booted_within_s(self) -> float:
        """Emulated, a kernel takes its time."""
        return {"kvm": 30.0, "tcg": 150.0}[self.accelerator]

    @property
    def ready_within_s(self) -> float:
        """Emulated, an engine takes its time."""
        return {"kvm": 120.0, "tcg": 600.0}[self.accelerator]

    def missing_requirements(self) -> Sequence[MissingRequirement]:
        """Name missing programs, rights, and why KVM cannot be used."""
        return missing_requirements.of_accelerator(self.accelerator)

    def prepare(
        self, guest_subnet: str, parts: Parts, *, state: str, callback_address: str
    ) -> Layout:
        """Connect to libvirt; make the bridge, and let the client's packets pass to it."""
        domains.facts()
        return bridge.prepare(guest_subnet, state=state, callback_address=callback_address)

    def start(self, request: VmRequest) -> None:
        """Have libvirt start it."""
        try:
            own = instance_dir.make(request.instance_id, state=request.state, hypervisor=self.name)
            write_atomic(own.seed, seed.archive(request.seed()))
            request.console.parent.mkdir(parents=True, exist_ok=True)
            domains.create(_definition(request, own, self.accelerator))
        except BaseException:
            self.stop(request.instance_id)
            raise

    def stop(self, instance_id: str) -> None:
        """End it as by pulling its plug, and remove its disk."""
        leftovers.end(instance_id)

    def is_running(self, instance_id: str) -> bool:
        """Ask libvirt."""
        return domains.is_running(instance_id)

    def told(self, instance_id: str) -> Mapping[str, str]:
        """Read what came by its second serial port."""
        return boot_report.read(instance_dir.of(instance_id).report)

    def phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Tell of firmware and kernel, and of user space."""
        boot = boot_report.boot(instance_dir.of(instance_id).report)
        return boot.phases_s(created_ns) if boot else {}

    def usage(self, instance_id: str) -> Usage:
        """Read what QEMU has used, and what the guest's kernel holds."""
        pid = domains.pid_of(instance_id)
        return vm_usage.usage_of(pid, domains.memory_stats(instance_id))

    def reset_peak(self, instance_id: str) -> bool:
        """Reset QEMU's; False when it is gone."""
        return vm_usage.reset_peak(domains.pid_of(instance_id))

    def diagnosis(self, instance_id: str, console: Path, address: str, port: int) -> str:
        """Ask libvirt, and read its log."""
        said = boot_report.console_tail(console)
        try:
            running = self.is_running(instance_id)
        except FeatherbenchError as unknown:
            return f"{unknown.message}; its console said last: {said}"
        state = (
            "the guest runs" if running else f"{boot_report.end_of(said)}{_qemu_said(instance_id)}"
        )
        if running and port and bridge.takes_connections(address, port):
            state += f", and {address}:{port} takes connections"
        progress = boot_report.progress(self.told(instance_id))
        return f"{state}; {progress}; its console said last:\n{said}"

    def facts(self) -> Mapping[str, str]:
        """Tell the versions of libvirt and QEMU, and whether packets pass in the kernel."""
        packets = "vhost-net" if has_vhost(self.accelerator) else "QEMU"
        return {**domains.facts(), "accelerator": self.accelerator, "packets": packets}

    def leftovers(self) -> Iterator[Leftover]:
        """Find machines, their folders, and the bridge."""
        return leftovers.find(self.accelerator)

    def remove(self, leftover: Leftover) -> None:
        """Remove one of them."""
        leftovers.remove(leftover)
