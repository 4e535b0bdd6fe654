# SPDX-License-Identifier: Apache-2.0
"""What xl is told of a domain, and what a user may set of Xen."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from featherbench.xen.settings import Dom0Settings
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


def test_a_domain_is_told_whole():
    assert xl_config(DOMAIN) == WHOLE


def test_what_is_not_there_is_not_told():
    bare = xl_config(replace(DOMAIN, ramdisk=None, cpus="", disks=()))
    assert "ramdisk" not in bare
    assert "cpus = " not in bare.replace("vcpus = ", "")
    assert "disk = [  ]" in bare


@pytest.mark.parametrize(
    ("text", "written"), [('a "b"', '"a \\"b\\""'), ("a\\b", '"a\\\\b"'), ("{, }", '"{, }"')]
)
def test_what_a_guest_is_told_reaches_it_as_it_is(text, written):
    assert quoted(text) == written


def test_another_dom0_is_reached_by_a_bridge_and_a_link():
    whole = {"dom0": "root@xenhost", "bridge": "xenbr1", "link": "enp3s0"}
    assert Dom0Settings.model_validate(whole).dom0 == "root@xenhost"
    for missing in whole:
        with pytest.raises(ValidationError, match="go together"):
            Dom0Settings.model_validate({k: v for k, v in whole.items() if k != missing})


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "x;y"])
def test_a_name_is_no_option(name):
    with pytest.raises(ValidationError):
        Dom0Settings(dom0=name, bridge="b", link="l")
