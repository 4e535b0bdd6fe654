# SPDX-License-Identifier: Apache-2.0
"""The tests' own Xen: guests of both kinds come up there, on the same segment as the data tap."""

import socket
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1200)]  # the first one builds dom0

HERE, GUEST, PREFIX, PORT = "198.19.241.1", "198.19.241.2", 24, 4000
RUN_WITHIN_S, CREATE_WITHIN_S, PACKET_WITHIN_S = 60.0, 120.0, 120.0
SAID = "disk: from the disk"
CONFIG = """\
name = "{name}"
type = "{kind}"
kernel = "/srv/guest/vmlinuz"
ramdisk = "/srv/guest/initrd.img"
extra = "console=hvc0 quiet own={own} to={to} port={port} nonce={name}"
memory = 128
vif = ["bridge={bridge}"]
disk = ["format=raw,vdev=xvda,access=r,target={disk}"]
"""


@pytest.fixture
def receiver(dom0):
    """Hear what guests send to this machine, through the tap and nothing else."""
    address = ["ip", "address", "add", f"{HERE}/{PREFIX}", "dev", dom0.data_tap]
    subprocess.run(address, check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dom0.data_tap.encode())
        sock.bind((HERE, PORT))
        sock.settimeout(PACKET_WITHIN_S)
        yield sock
    subprocess.run(["ip", "address", "flush", "dev", dom0.data_tap], check=True)


def run(dom0, *argv, timeout_s=RUN_WITHIN_S):
    return dom0.node.run(argv, timeout_s=timeout_s).stdout


def domains(dom0):
    return [line.split()[0] for line in run(dom0, "xl", "list").splitlines()[1:]]


@contextmanager
def guest(dom0, kind):
    """Create a guest with a disk that is a file, and give its name."""
    name = f"test-{kind}"
    disk, config = Path(f"/srv/guest/{name}.raw"), Path(f"/srv/guest/{name}.cfg")
    dom0.node.write(disk, "from the disk\n".ljust(4096))
    words = {"own": GUEST, "to": HERE, "port": PORT, "bridge": dom0.bridge, "disk": disk}
    dom0.node.write(config, CONFIG.format(name=name, kind=kind, **words))
    run(dom0, "xl", "create", str(config), timeout_s=CREATE_WITHIN_S)
    try:
        yield name
    finally:
        run(dom0, "xl", "destroy", name)


def console(dom0, name):
    """Read what a guest has said so far: its pty keeps it until somebody reads it."""
    domain = run(dom0, "xl", "domid", name).strip()
    tty = run(dom0, "xenstore-read", f"/local/domain/{domain}/console/tty").strip()
    return dom0.node.run(["timeout", "1", "cat", tty], timeout_s=RUN_WITHIN_S, check=False).stdout


def test_xen_answers(dom0):
    info = run(dom0, "xl", "info")
    assert "xen_version            : 4.17" in info
    assert domains(dom0) == ["Domain-0"]


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_a_guest_comes_up_and_its_packet_reaches_the_tap(dom0, receiver, kind):
    with guest(dom0, kind) as name:
        assert domains(dom0) == ["Domain-0", name]
        packet, (sender, _) = receiver.recvfrom(64)
        assert (packet.decode(), sender) == (name, GUEST)
        assert SAID in console(dom0, name)
    assert domains(dom0) == ["Domain-0"]
    assert run(dom0, "losetup", "--list", "--noheadings") == ""
