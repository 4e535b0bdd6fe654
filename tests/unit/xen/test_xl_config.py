# SPDX-License-Identifier: Apache-2.0
"""The configuration of a domain for xl."""

from dataclasses import replace
from pathlib import Path

import pytest

from featherbench.xen.xl_config import BlockDevice, Domain, quoted, xl_config

DOMAIN = Domain(
    instance_id="abc",
    mode="pvh",
    kernel=Path("/images/vmlinuz"),
    ramdisk=Path("/images/initrd.img"),
    cmdline="console=hvc0 quiet",
    memory_mib=256,
    vcpus=2,
    cpus="2-3",
    disks=(
        BlockDevice(device="/dev/mapper/featherbench-abc-0", name="xvda", readonly=False),
        BlockDevice(device="/dev/loop3", name="xvdb", readonly=True),
    ),
    bridge="fb-guest0",
    mac="52:54:00:aa:bb:cc",
)
WHOLE = """\
name = "featherbench-abc"
type = "pvh"
kernel = "/images/vmlinuz"
ramdisk = "/images/initrd.img"
cmdline = "console=hvc0 quiet"
memory = 256
maxmem = 256
vcpus = 2
cpus = "2-3"
disk = [ \
"format=raw, backendtype=phy, vdev=xvda, access=rw, target=/dev/mapper/featherbench-abc-0", \
"format=raw, backendtype=phy, vdev=xvdb, access=ro, target=/dev/loop3" ]
vif = [ "mac=52:54:00:aa:bb:cc, bridge=fb-guest0" ]
on_poweroff = "preserve"
on_reboot = "preserve"
on_crash = "preserve"
on_watchdog = "preserve"
on_soft_reset = "preserve"
"""


def test_a_complete_domain_is_written():
    assert xl_config(DOMAIN) == WHOLE


def test_absent_parts_are_not_written():
    bare = xl_config(replace(DOMAIN, ramdisk=None, cpus="", disks=()))
    assert "ramdisk" not in bare
    assert "cpus = " not in bare.replace("vcpus = ", "")
    assert "disk = [  ]" in bare


@pytest.mark.parametrize(
    ("text", "written"), [('a "b"', '"a \\"b\\""'), ("a\\b", '"a\\\\b"'), ("{, }", '"{, }"')]
)
def test_strings_are_quoted_literally(text, written):
    assert quoted(text) == written
