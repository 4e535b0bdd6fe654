# SPDX-License-Identifier: Apache-2.0
"""The commands of QEMU and of Solo5's tenders, as lists of arguments."""

import itertools

import pytest

from featherbench.unikernels import qemu_command, solo5_command, tap


def options(command, name):
    return [after for word, after in itertools.pairwise(command) if word == name]


def test_nothing_is_there_that_was_not_asked_for(guest_of):
    command = qemu_command.command(guest_of(memory_mib=2))
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


def test_the_processor_is_the_accelerators_unless_described(guest_of):
    assert options(qemu_command.command(guest_of()), "-cpu") == ["max"]
    assert options(qemu_command.command(guest_of(accelerator="kvm")), "-cpu") == ["host"]
    assert options(qemu_command.command(guest_of(cpu="Westmere")), "-cpu") == ["Westmere"]


def test_what_the_guest_is_told_is_one_word_as_it_is(guest_of):
    told = '{, "net": {, "if": "vioif0", }, "cmdline": "a; rm -rf /", }'
    assert options(qemu_command.command(guest_of(arguments=told)), "-append") == [told]


def test_commas_in_paths_are_doubled_once(guest_of):
    disks = [{"path": "/a,b/d.img", "format": "raw"}]
    (drive,) = options(qemu_command.command(guest_of(boot="kernel+disk", disks=disks)), "-drive")
    assert "file=/a,,b/d.img" in drive


@pytest.mark.parametrize(
    ("disk", "wanted"),
    [
        ({"format": "qcow2"}, ("format=qcow2", "readonly=off", "snapshot=on", "virtio-blk-pci")),
        ({"interface": "ide", "snapshot": False}, ("readonly=off", "snapshot=off", "ide-hd")),
        ({"readonly": True}, ("readonly=on", "snapshot=off", "virtio-blk-pci")),
        ({"interface": "scsi"}, ("virtio-scsi-pci", "scsi-hd")),
    ],
)
def test_a_disk_is_as_described(guest_of, disk, wanted):
    command = qemu_command.command(guest_of(boot="disk", disks=[{"path": "/d.img", **disk}]))
    assert "-kernel" not in command
    said = " ".join(options(command, "-drive") + options(command, "-device"))
    for words in wanted:
        assert words in said


def test_disks_are_in_their_order(guest_of):
    disks = [{"path": "/one"}, {"path": "/two"}]
    command = qemu_command.command(guest_of(boot="kernel+disk", disks=disks))
    assert [drive.partition("file=")[2].split(",")[0] for drive in options(command, "-drive")] == [
        "/one",
        "/two",
    ]


def test_a_card_is_where_it_is_described_to_be(guest_of):
    nic = {"model": "virtio-net-pci", "bus": "pci.0", "pci_address": "0x2"}
    command = qemu_command.command(guest_of(nic=nic, machine="pc,acpi=off", vhost=True))
    assert options(command, "-device")[0].endswith(",romfile=,bus=pci.0,addr=0x2")
    assert options(command, "-netdev")[0].endswith(",vhost=on")
    assert options(command, "-machine") == ["pc,acpi=off"]
    without_pci = qemu_command.command(guest_of(nic={"model": "virtio-net-device"}))
    assert "romfile" not in options(without_pci, "-device")[0]


def test_further_devices_come_as_they_are(guest_of):
    devices = ["virtio-rng-pci", "isa-debug-exit,iobase=0xf4,iosize=1"]
    assert options(qemu_command.command(guest_of(devices=devices)), "-device")[1:] == devices


def test_a_tender_is_told_its_devices_by_name(guest_of):
    guest = guest_of(
        accelerator=None,
        backend="solo5-spt",
        boot="kernel+disk",
        disks=[{"path": "/d.img", "name": "data"}],
        nic={"name": "net0"},
        arguments='--ipv4=198.18.2.2/25 --hello="a b"',
        memory_mib=16,
    )
    assert solo5_command.command(guest) == [
        "solo5-spt",
        "--mem=16",
        "--net:net0=fb-u1",
        "--net-mac:net0=52:54:00:01:02:03",
        "--block:data=/d.img",
        "--",
        "/images/kernel",
        "--ipv4=198.18.2.2/25",
        "--hello=a b",
    ]


def test_a_tap_says_whose_it_is():
    steps = tap.steps("abc", "tcg", "/run/featherbench", "fb-guest0")
    assert 'alias "featherbench tcg abc /run/featherbench"' in steps[1]
    assert len(tap.name_of("abc")) <= 15
    assert tap.name_of("abc") != tap.name_of("abd")
