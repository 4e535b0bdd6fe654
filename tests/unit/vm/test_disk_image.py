# SPDX-License-Identifier: Apache-2.0
"""The initial RAM disk, and the files that are added to a guest's root file system.

If a unit were missing, nothing would start, and nothing would report it."""

import io

from featherbench.vm import initrd
from featherbench.vm.disk_image import (
    FILES,
    LINKS,
    MASKED,
    UNITS,
    WANTED,
    add_overlay,
    overlay_digest,
)

MODULES_DEP = """\
kernel/virtio/virtio.ko: kernel/virtio/virtio_ring.ko
kernel/virtio/virtio_ring.ko:
kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_ring.ko kernel/virtio/virtio.ko
kernel/net/core/failover.ko.xz:
kernel/drivers/net/virtio-net.ko.xz: kernel/net/core/failover.ko.xz
"""


def test_a_module_comes_after_what_it_needs():
    order = initrd.load_order(MODULES_DEP, ("virtio_pci",))
    names = [path.rpartition("/")[2] for path in order]
    assert names == ["virtio_ring.ko", "virtio.ko", "virtio_pci.ko"]


def test_modules_that_are_built_into_the_kernel_are_left_out():
    assert initrd.load_order(MODULES_DEP, ("ext4",)) == []


def test_a_modules_file_may_have_a_dash():
    order = initrd.load_order(MODULES_DEP, ("virtio_net",))
    assert order[-1] == "kernel/drivers/net/virtio-net.ko.xz"


def test_an_archive_is_aligned_and_ends_as_the_kernel_expects():
    made = initrd.archive({"init": b"abc"})
    assert len(made) % 4 == 0
    assert io.BytesIO(made).read(6) == b"070701"
    assert b"TRAILER!!!" in made[-20:]
    assert made == initrd.archive({"init": b"abc"})


def test_every_unit_is_started():
    assert {path.name for path in (FILES / UNITS).iterdir()} == set(WANTED)


def test_units_are_linked_as_systemd_expects(tmp_path):
    add_overlay(tmp_path)
    units = tmp_path / UNITS
    for name in WANTED:
        assert (units / "multi-user.target.wants" / name).resolve(strict=True) == units / name
    assert {str((units / name).readlink()) for name in MASKED} == {"/dev/null"}


def test_programs_can_be_run_and_files_can_be_read(tmp_path):
    add_overlay(tmp_path)
    programs = tmp_path / "usr/local/lib/featherbench"
    assert {oct(path.stat().st_mode & 0o777) for path in programs.iterdir()} == {"0o755"}
    assert (tmp_path / UNITS / WANTED[0]).stat().st_mode & 0o777 == 0o644


def test_another_link_changes_the_digest(monkeypatch):
    before = overlay_digest()
    monkeypatch.setitem(LINKS, "etc/more", "/dev/null")
    assert overlay_digest() != before
