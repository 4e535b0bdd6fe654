# SPDX-License-Identifier: Apache-2.0
"""Guests of QEMU, by libvirt: made from an image for a start, watched, removed without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from featherbench.errors import FeatherbenchError
from featherbench.files import write_whole
from featherbench.guest import accounting, bridge, domains, folder, lacks, leftovers, report, seed
from featherbench.guest.definition import (
    ROOT_DISK,
    SEED_DISK,
    Definition,
    DirectBoot,
    Disk,
    Nic,
    mac_of,
)
from featherbench.guest.settings import QemuSettings, WholeQemuSettings
from featherbench.guest.vhost import has_vhost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from featherbench.guest.contract import Order
    from featherbench.guest.definition import Accelerator
    from featherbench.guest.folder import Folder
    from featherbench.guest.image import Parts
    from featherbench.guest.layout import Layout
    from featherbench.guest.settings import GuestSettings, WholeSystemSettings
    from featherbench.platforms.contract import Lack, Leftover
    from featherbench.record import Usage

CMDLINE = "console=ttyS0 quiet panic=-1 net.ifnames=0"
"""What every guest's kernel is told: `panic=-1` restarts at once, which ends the machine."""
QEMU_LOG_LINES = 2


def _settings(order: Order) -> QemuSettings:
    return cast("QemuSettings", order.settings)


def _disks(order: Order, own: Folder) -> tuple[Disk, ...]:
    cache = _settings(order).disk_cache
    seed_disk = Disk(file=own.seed, format="raw", serial=SEED_DISK, readonly=True)
    folder.make_overlay(order.parts.disk, own.overlay)
    return Disk(file=own.overlay, format="qcow2", serial=ROOT_DISK, cache=cache), seed_disk


def _definition(order: Order, own: Folder, accelerator: Accelerator) -> Definition:
    words = f"{CMDLINE} fb_init={order.init} {order.kernel_words}".strip()
    parts = order.parts
    return Definition(
        instance_id=order.instance_id,
        state=order.state,
        accelerator=accelerator,
        machine=_settings(order).machine,
        vcpus=order.settings.vcpus_on(order.cpus),
        memory_mib=order.memory_mib or order.settings.memory_mib,
        boot=DirectBoot(kernel=parts.kernel, initrd=parts.initrd, cmdline=words),
        disks=_disks(order, own),
        cpus=order.cpus,
        console=order.console.resolve(),
        report=own.report,
        nic=Nic(
            bridge=bridge.of(order.state),
            mac=mac_of(order.instance_id),
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
    """See `guest/contract.py`."""

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

    def lacks(self) -> Sequence[Lack]:
        """Name missing programs, rights, and why KVM cannot be used."""
        return lacks.of_accelerator(self.accelerator)

    def prepare(self, guest_subnet: str, parts: Parts, *, state: str, home: str) -> Layout:
        """Connect to libvirt; make the bridge, and let the client's packets pass to it."""
        domains.facts()
        return bridge.prepare(guest_subnet, state=state, home=home)

    def start(self, order: Order) -> None:
        """Have libvirt start it."""
        try:
            own = folder.make(order.instance_id, state=order.state, host=self.name)
            write_whole(own.seed, seed.archive(order.seed()))
            order.console.parent.mkdir(parents=True, exist_ok=True)
            domains.create(_definition(order, own, self.accelerator))
        except BaseException:
            self.stop(order.instance_id)
            raise

    def stop(self, instance_id: str) -> None:
        """End it as by pulling its plug, and remove its disk."""
        leftovers.end(instance_id)

    def is_running(self, instance_id: str) -> bool:
        """Ask libvirt."""
        return domains.is_running(instance_id)

    def told(self, instance_id: str) -> Mapping[str, str]:
        """Read what came by its second serial port."""
        return report.read(folder.of(instance_id).report)

    def phases_s(self, instance_id: str, created_ns: int) -> Mapping[str, float]:
        """Tell of firmware and kernel, and of user space."""
        boot = report.boot(folder.of(instance_id).report)
        return boot.phases_s(created_ns) if boot else {}

    def usage(self, instance_id: str) -> Usage:
        """Read what QEMU has used, and what the guest's kernel holds."""
        pid = domains.pid_of(instance_id)
        return accounting.usage_of(pid, domains.memory_stats(instance_id))

    def reset_peak(self, instance_id: str) -> bool:
        """Reset QEMU's; False when it is gone."""
        return accounting.reset_peak(domains.pid_of(instance_id))

    def diagnosis(self, instance_id: str, console: Path, address: str, port: int) -> str:
        """Ask libvirt, and read its log."""
        said = report.console_tail(console)
        try:
            running = self.is_running(instance_id)
        except FeatherbenchError as unknown:
            return f"{unknown.message}; its console said last: {said}"
        state = "the guest runs" if running else f"{report.end_of(said)}{_qemu_said(instance_id)}"
        if running and port and bridge.takes_connections(address, port):
            state += f", and {address}:{port} takes connections"
        return f"{state}; {report.progress(self.told(instance_id))}; its console said last:\n{said}"

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
