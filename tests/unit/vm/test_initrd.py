# SPDX-License-Identifier: Apache-2.0
"""The guests' initial RAM disk."""

import io

from featherbench.vm import initrd

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
