# SPDX-License-Identifier: Apache-2.0
"""The commands that run a user's image: of QEMU, and of Solo5's tenders, which are hypervisors."""

import shlex
from collections.abc import Iterator

from featherbench.contracts.image_description import ImageDisk
from featherbench.contracts.vm_runner import ImageBoot, VmRequest
from featherbench.unikernels import tap
from featherbench.vm.libvirt.domain_xml import Accelerator
from featherbench.vm.libvirt.kvm_probe import CPU, QEMU

NIC_WITHOUT_ROM = "virtio-net-device"
"""Not a PCI device, so it has no option for the ROM from which others boot over the network."""


def escape_commas(value: object) -> str:
    """Double the commas of a value, because commas separate QEMU's options."""
    return str(value).replace(",", ",,")


def monitor_of(name: str) -> str:
    """Return the socket of a guest's monitor: in the abstract namespace, which leaves no file."""
    return f"{name}-monitor"


def _drive(number: int, disk: ImageDisk) -> Iterator[str]:
    assert disk.path is not None, "images are built from complete descriptions"
    options = f"if=none,id=disk{number},format={disk.format},file={escape_commas(disk.path)}"
    options += f",readonly={'on' if disk.readonly else 'off'}"
    options += f",snapshot={'on' if disk.snapshot and not disk.readonly else 'off'}"
    yield from ("-drive", options)
    if disk.interface == "scsi" and number == 0:
        yield from ("-device", "virtio-scsi-pci")
    device = {"virtio": "virtio-blk-pci", "ide": "ide-hd", "scsi": "scsi-hd"}[disk.interface]
    yield from ("-device", f"{device},drive=disk{number}")


def _network(instance_id: str, boot: ImageBoot, *, vhost: bool) -> Iterator[str]:
    nic = boot.description.nic
    backend = f"tap,id=net0,ifname={tap.name_of(instance_id)},script=no,downscript=no"
    yield from ("-netdev", backend + (",vhost=on" if vhost else ""))
    options = [nic.model, "netdev=net0", f"mac={boot.mac}"]
    options += [] if nic.model == NIC_WITHOUT_ROM else ["romfile="]
    options += [f"bus={nic.bus}"] if nic.bus else []
    options += [f"addr={nic.pci_address}"] if nic.pci_address else []
    yield from ("-device", ",".join(options))


def _kernel(boot: ImageBoot) -> Iterator[str]:
    """Yield kernel and arguments; -append takes commas literally."""
    if boot.kernel is not None:
        yield from ("-kernel", str(boot.kernel))
        if boot.arguments:
            yield from ("-append", boot.arguments)


def qemu_command(
    request: VmRequest, boot: ImageBoot, accelerator: Accelerator, *, vhost: bool
) -> list[str]:
    """Return QEMU's command. A guest that reboots or powers itself off ends QEMU."""
    description, monitor = boot.description, escape_commas(monitor_of(request.name))
    console = escape_commas(request.console.resolve())
    argv = [
        *(QEMU, "-name", request.name, "-accel", accelerator),
        *("-machine", description.machine, "-cpu", description.cpu or CPU[accelerator]),
        *("-smp", str(description.vcpus), "-m", f"{request.memory_mib}M"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-chardev", f"file,id=console,path={console}", "-serial", "chardev:console"),
        *("-chardev", f"socket,id=monitor,path={monitor},abstract=on,server=on,wait=off"),
        *("-mon", "chardev=monitor,mode=control"),
        *_network(request.instance_id, boot, vhost=vhost),
    ]
    for number, disk in enumerate(description.disks):
        argv += _drive(number, disk)
    for device in description.devices:
        argv += ["-device", device]
    return [*argv, *_kernel(boot)]


def _solo5_devices(instance_id: str, boot: ImageBoot) -> Iterator[str]:
    nic = boot.description.nic
    yield f"--net:{nic.name}={tap.name_of(instance_id)}"
    yield f"--net-mac:{nic.name}={boot.mac}"
    for disk in boot.description.disks:
        yield f"--block:{disk.name}={disk.path}"


def solo5_command(request: VmRequest, boot: ImageBoot) -> list[str]:
    """Return a tender's command. It takes words: the arguments are split as a shell would.

    `solo5-spt` confines itself by seccomp and needs no virtualization; `solo5-hvt` needs /dev/kvm.
    """
    return [
        *(boot.description.backend, f"--mem={request.memory_mib}"),
        *_solo5_devices(request.instance_id, boot),
        *("--", str(boot.kernel), *shlex.split(boot.arguments)),
    ]
