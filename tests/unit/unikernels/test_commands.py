# SPDX-License-Identifier: Apache-2.0
"""The commands of QEMU and of Solo5's tenders, as lists of arguments."""

import itertools
from pathlib import Path

import pytest

from featherbench.contracts.image_description import Description
from featherbench.contracts.vm_runner import ImageBoot, VmRequest
from featherbench.unikernels import commands, tap


def options(command, name):
    return [after for word, after in itertools.pairwise(command) if word == name]


def request_of(*, arguments="", memory_mib=64, **keys):
    kernel = {} if keys.get("boot") == "disk" else {"kernel": "/images/kernel"}
    description = Description.model_validate(kernel | keys)
    boot = ImageBoot(
        description=description,
        kernel=description.kernel,
        arguments=arguments,
        mac="52:54:00:01:02:03",
    )
    return VmRequest(
        instance_id="abc",
        state="/run/featherbench",
        cpus=(2, 3),
        memory_mib=memory_mib,
        console=Path("/logs/abc.log"),
        boot=boot,
    )


def command_of(*, accelerator="tcg", vhost=False, **keys):
    request = request_of(**keys)
    return commands.qemu_command(request, request.boot, accelerator, vhost=vhost)


def test_the_command_has_nothing_that_was_not_requested():
    command = command_of(memory_mib=2)
    for word in ("-nodefaults", "-no-user-config", "-no-reboot"):
        assert word in command
    assert options(command, "-m") == ["2M"]
    assert options(command, "-name") == ["featherbench-abc"]
    assert options(command, "-kernel") == ["/images/kernel"]
    assert options(command, "-device") == [
        "virtio-net-pci,netdev=net0,mac=52:54:00:01:02:03,romfile="
    ]
    assert "-drive" not in command
    assert "-append" not in command


def test_the_processor_is_the_accelerators_default_unless_described():
    assert options(command_of(), "-cpu") == ["max"]
    assert options(command_of(accelerator="kvm"), "-cpu") == ["host"]
    assert options(command_of(cpu="Westmere"), "-cpu") == ["Westmere"]


def test_arguments_are_one_literal_word_and_further_devices_are_literal_too():
    told = '{, "net": {, "if": "vioif0", }, "cmdline": "a; rm -rf /", }'
    devices = ["virtio-rng-pci", "isa-debug-exit,iobase=0xf4,iosize=1"]
    command = command_of(arguments=told, devices=devices)
    assert options(command, "-append") == [told]
    assert options(command, "-device")[1:] == devices


@pytest.mark.parametrize(
    ("disk", "wanted"),
    [
        ({"format": "qcow2"}, ("format=qcow2", "readonly=off", "snapshot=on", "virtio-blk-pci")),
        ({"interface": "ide", "snapshot": False}, ("readonly=off", "snapshot=off", "ide-hd")),
        ({"readonly": True}, ("readonly=on", "snapshot=off", "virtio-blk-pci")),
        ({"interface": "scsi"}, ("virtio-scsi-pci", "scsi-hd")),
    ],
)
def test_a_disk_is_as_described(disk, wanted):
    command = command_of(boot="disk", disks=[{"path": "/d.img", **disk}])
    assert "-kernel" not in command
    said = " ".join(options(command, "-drive") + options(command, "-device"))
    for words in wanted:
        assert words in said


def test_disks_are_in_their_order_and_commas_in_their_paths_are_doubled_once():
    command = command_of(boot="kernel+disk", disks=[{"path": "/a,b/d.img"}, {"path": "/two"}])
    files = [drive.split("file=")[1].split(",readonly")[0] for drive in options(command, "-drive")]
    assert files == ["/a,,b/d.img", "/two"]


def test_a_network_card_is_as_described():
    nic = {"model": "virtio-net-pci", "bus": "pci.0", "pci_address": "0x2"}
    command = command_of(nic=nic, machine="pc,acpi=off", vhost=True)
    assert options(command, "-device")[0].endswith(",romfile=,bus=pci.0,addr=0x2")
    assert options(command, "-netdev")[0].endswith(",vhost=on")
    assert options(command, "-machine") == ["pc,acpi=off"]
    without_pci = command_of(nic={"model": "virtio-net-device"})
    assert "romfile" not in options(without_pci, "-device")[0]


def test_a_tender_gets_its_devices_by_name():
    request = request_of(
        backend="solo5-spt",
        boot="kernel+disk",
        disks=[{"path": "/d.img", "name": "data"}],
        nic={"name": "net0"},
        arguments='--ipv4=198.18.2.2/25 --hello="a b"',
        memory_mib=16,
    )
    assert commands.solo5_command(request, request.boot) == [
        "solo5-spt",
        "--mem=16",
        f"--net:net0={tap.name_of('abc')}",
        "--net-mac:net0=52:54:00:01:02:03",
        "--block:data=/d.img",
        "--",
        "/images/kernel",
        "--ipv4=198.18.2.2/25",
        "--hello=a b",
    ]
