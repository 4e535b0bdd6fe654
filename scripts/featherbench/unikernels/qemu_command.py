# SPDX-License-Identifier: Apache-2.0
"""The QEMU command of a guest: nothing that the description does not ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.vm.libvirt.kvm_probe import CPU, QEMU

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.unikernels.guest_spec import Guest
    from featherbench.unikernels.image_description import Disk

WITHOUT_ROM = "virtio-net-device"
"""No PCI device, so that it has no option for the ROM from which others boot by network."""


def quoted(value: object) -> str:
    """Double the commas of a value, which separate options for QEMU."""
    return str(value).replace(",", ",,")


def monitor_of(name: str) -> str:
    """Name the socket of a guest's monitor: in the abstract namespace, which leaves no file."""
    return f"{name}-monitor"


def _drive(number: int, disk: Disk) -> Iterator[str]:
    assert disk.path is not None, "images are built of descriptions that are complete"
    options = f"if=none,id=disk{number},format={disk.format},file={quoted(disk.path)}"
    options += f",readonly={'on' if disk.readonly else 'off'}"
    options += f",snapshot={'on' if disk.snapshot and not disk.readonly else 'off'}"
    yield from ("-drive", options)
    if disk.interface == "scsi" and number == 0:
        yield from ("-device", "virtio-scsi-pci")
    kind = {"virtio": "virtio-blk-pci", "ide": "ide-hd", "scsi": "scsi-hd"}[disk.interface]
    yield from ("-device", f"{kind},drive=disk{number}")


def _network(guest: Guest) -> Iterator[str]:
    nic = guest.description.nic
    backend = f"tap,id=net0,ifname={guest.tap},script=no,downscript=no"
    yield from ("-netdev", backend + (",vhost=on" if guest.vhost else ""))
    options = [nic.model, "netdev=net0", f"mac={guest.mac}"]
    options += [] if nic.model == WITHOUT_ROM else ["romfile="]
    options += [f"bus={nic.bus}"] if nic.bus else []
    options += [f"addr={nic.pci_address}"] if nic.pci_address else []
    yield from ("-device", ",".join(options))


def _boot(guest: Guest) -> Iterator[str]:
    """Tell what to boot, and what the guest is told: -append takes its commas as they are."""
    if guest.kernel is not None:
        yield from ("-kernel", str(guest.kernel))
        if guest.arguments:
            yield from ("-append", guest.arguments)


def command(guest: Guest) -> list[str]:
    """Give the command. A guest that reboots, or powers itself off, ends QEMU."""
    wanted = guest.description
    assert guest.accelerator is not None, "QEMU runs under an accelerator"
    monitor = quoted(monitor_of(guest.name))
    argv = [
        *(QEMU, "-name", guest.name, "-accel", guest.accelerator),
        *("-machine", wanted.machine, "-cpu", wanted.cpu or CPU[guest.accelerator]),
        *("-smp", str(wanted.vcpus), "-m", f"{guest.memory_mib}M"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *(
            "-chardev",
            f"file,id=console,path={quoted(guest.console)}",
            "-serial",
            "chardev:console",
        ),
        *("-chardev", f"socket,id=monitor,path={monitor},abstract=on,server=on,wait=off"),
        *("-mon", "chardev=monitor,mode=control"),
        *_network(guest),
    ]
    for number, disk in enumerate(wanted.disks):
        argv += _drive(number, disk)
    for device in wanted.devices:
        argv += ["-device", device]
    return [*argv, *_boot(guest)]
