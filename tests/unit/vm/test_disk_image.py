# SPDX-License-Identifier: Apache-2.0
"""The initial RAM disk, the files added to a guest's root file system, and the seed."""

import io

import pytest

from featherbench.contracts.vm_runner import addresses_in
from featherbench.records.tuning import Tuning
from featherbench.vm import disk_image, initrd

MODULES_DEP = """\
kernel/virtio/virtio.ko: kernel/virtio/virtio_ring.ko
kernel/virtio/virtio_ring.ko:
kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko
kernel/net/core/failover.ko.xz:
kernel/drivers/net/virtio-net.ko.xz: kernel/net/core/failover.ko.xz
"""


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("virtio_pci", ["virtio_ring.ko", "virtio.ko", "virtio_pci.ko"]),
        ("virtio_net", ["failover.ko.xz", "virtio-net.ko.xz"]),
        ("ext4", []),
    ],
    ids=["after what it needs", "a dash in a name", "built into the kernel"],
)
def test_modules_are_loaded_in_their_order(module, loaded):
    order = initrd.load_order(MODULES_DEP, (module,))
    assert [path.rpartition("/")[2] for path in order] == loaded


def test_an_archive_is_aligned_and_ends_as_the_kernel_expects():
    made = initrd.archive({"init": b"abc"})
    assert len(made) % 4 == 0
    assert io.BytesIO(made).read(6) == b"070701"
    assert b"TRAILER!!!" in made[-20:]
    assert made == initrd.archive({"init": b"abc"})


def test_every_unit_is_started():
    assert {path.name for path in (disk_image.FILES / disk_image.UNITS).iterdir()} == set(
        disk_image.WANTED
    )


def test_units_are_linked_as_systemd_expects(tmp_path):
    disk_image.add_overlay(tmp_path)
    units = tmp_path / disk_image.UNITS
    for name in disk_image.WANTED:
        assert (units / "multi-user.target.wants" / name).resolve(strict=True) == units / name
    assert {str((units / name).readlink()) for name in disk_image.MASKED} == {"/dev/null"}


def test_programs_can_be_run_and_files_can_be_read(tmp_path):
    disk_image.add_overlay(tmp_path)
    programs = tmp_path / "usr/local/lib/featherbench"
    assert {oct(path.stat().st_mode & 0o777) for path in programs.iterdir()} == {"0o755"}
    assert (tmp_path / disk_image.UNITS / disk_image.WANTED[0]).stat().st_mode & 0o777 == 0o644


def test_another_link_changes_the_digest(monkeypatch):
    before = disk_image.overlay_digest()
    monkeypatch.setitem(disk_image.LINKS, "etc/more", "/dev/null")
    assert disk_image.overlay_digest() != before


ADDRESSES = addresses_in("198.18.2.0/24")


def test_the_guest_has_a_route_to_the_testbed_only():
    steps = disk_image.seed_network(ADDRESSES).splitlines()
    assert "address add 198.18.2.2/25 dev eth0" in steps
    assert "route add 198.18.0.0/15 via 198.18.2.1" in steps
    assert not any("default" in step for step in steps)


def test_sysctls_are_named_by_their_files():
    tuning = Tuning(net_sysctls={"net.ipv4.ip_local_port_range": "1024 65535"}, nofile=None)
    assert disk_image.seed_sysctls(tuning) == "net/ipv4/ip_local_port_range=1024 65535\n"


def test_the_shell_in_the_guest_gets_the_literal_words():
    told = disk_image.seed_service(
        ("serve", "{address}", "a b", "$x;y"), address="198.18.2.2", nofile=5
    )
    assert told == "nofile=5\nset -- serve 198.18.2.2 'a b' '$x;y'\n"
    assert disk_image.seed_service(("a",), address="", nofile=None).startswith("nofile=\n")


def test_the_seed_consists_of_whole_sectors():
    assert len(disk_image.seed_archive({"network": "x\n"})) % 512 == 0
