# SPDX-License-Identifier: Apache-2.0
"""One virtual machine: made from an image for a start, watched, and removed without a trace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import FeatherbenchError
from featherbench.files import write_whole
from featherbench.guest import accounting, bridge, folder, hypervisor, report, seed
from featherbench.guest.definition import (
    ROOT_DISK,
    SEED_DISK,
    Definition,
    DirectBoot,
    Disk,
    Nic,
    mac_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from featherbench.guest.definition import Accelerator
    from featherbench.guest.folder import Folder
    from featherbench.guest.image import Parts
    from featherbench.guest.settings import GuestSettings
    from featherbench.record import Usage

VHOST_NET = Path("/dev/vhost-net")
CMDLINE = "console=ttyS0 quiet panic=-1 net.ifnames=0"
"""What every guest's kernel is told: `panic=-1` restarts at once, which ends the machine."""
QEMU_LOG_LINES = 2


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to start. `init` is the first program of the root file system.

    `seed` gives what the guest is told, and is called once the machine's folder is there.
    `kernel_words` are further words for the kernel's command line. Unless it is `throwaway`, the
    guest writes to the image's own disk.
    """

    instance_id: str
    state: str
    accelerator: Accelerator
    settings: GuestSettings
    cpus: tuple[int, ...]
    parts: Parts
    init: str
    seed: Callable[[], Mapping[str, str]]
    console: Path
    memory_mib: int | None = None
    kernel_words: str = ""
    throwaway: bool = True


def has_vhost(accelerator: Accelerator) -> bool:
    """Whether packets can pass in the kernel: where the device cannot be opened, QEMU aborts."""
    if accelerator != "kvm":
        return False
    try:
        os.close(os.open(VHOST_NET, os.O_RDWR))
    except OSError:
        return False
    return True


def _disks(order: Order, own: Folder) -> tuple[Disk, ...]:
    cache = order.settings.disk_cache
    seed_disk = Disk(file=own.seed, format="raw", serial=SEED_DISK, readonly=True)
    if not order.throwaway:
        root = Disk(file=order.parts.disk, format="raw", serial=ROOT_DISK, cache=cache)
        return root, seed_disk
    folder.make_overlay(order.parts.disk, own.overlay)
    return Disk(file=own.overlay, format="qcow2", serial=ROOT_DISK, cache=cache), seed_disk


def _definition(order: Order, own: Folder) -> Definition:
    words = f"{CMDLINE} fb_init={order.init} {order.kernel_words}".strip()
    parts = order.parts
    return Definition(
        instance_id=order.instance_id,
        state=order.state,
        accelerator=order.accelerator,
        machine=order.settings.machine,
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
            vhost=has_vhost(order.accelerator),
        ),
    )


def start(order: Order) -> None:
    """Start a machine; it runs when this returns. The bridge is there.

    Raises InstanceError, having removed whatever was made.
    """
    try:
        own = folder.make(order.instance_id, state=order.state, accelerator=order.accelerator)
        write_whole(own.seed, seed.archive(order.seed()))
        order.console.parent.mkdir(parents=True, exist_ok=True)
        hypervisor.create(_definition(order, own))
    except BaseException:
        stop(order.instance_id)
        raise


def stop(instance_id: str) -> None:
    """End a machine at once, and remove what was made for it; no error when it is gone already."""
    try:
        hypervisor.destroy(instance_id)
    finally:
        folder.remove(instance_id)


def usage(instance_id: str) -> Usage:
    """Tell what it has used so far. Raises InstanceDiedError when it is gone."""
    pid = hypervisor.pid_of(instance_id)
    return accounting.usage_of(pid, hypervisor.memory_stats(instance_id))


def reset_peak(instance_id: str) -> bool:
    """Have its peak memory start anew; False when it is gone."""
    return accounting.reset_peak(hypervisor.pid_of(instance_id))


def _qemu_said(instance_id: str) -> str:
    """Give the end of libvirt's log of a guest that is gone: what QEMU said, and how it ended."""
    log = hypervisor.qemu_log(instance_id)
    if not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-QEMU_LOG_LINES:]
    return f" (libvirt's log of it ends: {'; '.join(lines)})"


def diagnosis(instance_id: str, console: Path, address: str, port: int) -> str:
    """Say what became of a machine, how far it got, and what its console said last."""
    own = folder.of(instance_id)
    said = report.console_tail(console)
    try:
        running = hypervisor.is_running(instance_id)
    except FeatherbenchError as unknown:
        return f"{unknown.message}; its console said last: {said}"
    state = "the guest runs" if running else f"{report.end_of(said)}{_qemu_said(instance_id)}"
    if running and port and bridge.takes_connections(address, port):
        state += f", and {address}:{port} takes connections"
    return f"{state}; {report.progress(report.read(own.report))}; its console said last:\n{said}"


def facts(accelerator: Accelerator) -> Mapping[str, str]:
    """Tell the hypervisor's versions, and whether packets pass in the kernel."""
    packets = "vhost-net" if has_vhost(accelerator) else "QEMU"
    return {**hypervisor.facts(), "accelerator": accelerator, "packets": packets}
