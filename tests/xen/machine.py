# SPDX-License-Identifier: Apache-2.0
"""Boots a dom0 on an emulated machine, until it can be reached by ssh."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from featherbench.errors import DeadlineError, InstanceError
from featherbench.files import write_atomic
from featherbench.rootfs.archives import files_layer
from featherbench.system import ssh, subprocesses
from featherbench.system.iproute import INTERFACES
from featherbench.system.polling import wait_until
from xen import dom0_root, qemu
from xen.place import own_place

BRIDGE = "xenbr1"
IS_UP = "dom0 is up"
"""What dom0-init says when all of Xen's daemons run."""
TAPS_WITHIN_S = 10.0
IP_WITHIN_S = 10.0
BOOT_WITHIN_S = 240.0
SSH_WITHIN_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Dom0:
    """A running dom0.

    `ssh_config` is its name as a node, whose connection is open. What is sent on `data_tap`, an
    interface of this machine without an address, is received on dom0's bridge `bridge`, and the
    other way round. On `console` is what Xen and dom0 say.
    """

    ssh_config: Path
    data_tap: str
    bridge: str
    console: Path

    @property
    def machine(self):
        return ssh.SshMachine(name=str(self.ssh_config))


def _network_steps(place):
    """Give the steps for `ip -batch` in dom0."""
    return f"""\
link set lo up
address add {place.dom0_address}/30 dev eth0
link set eth0 up
link add {BRIDGE} type bridge stp_state 0 forward_delay 0
link set eth1 master {BRIDGE}
link set eth1 up
link set {BRIDGE} up
"""


def _tap_steps(place):
    """Give the steps for `ip -batch` here, once QEMU has made the taps."""
    return f"""\
link set {place.management_tap} addrgenmode none
address add {place.machine_address}/30 dev {place.management_tap}
link set {place.management_tap} up
link set {place.data_tap} addrgenmode none
link set {place.data_tap} up
"""


def _write_seed(place):
    """Write the disk with what dom0 is told of this start: see dom0-init."""
    told = {
        "/etc/featherbench-network": _network_steps(place),
        "/etc/ssh/featherbench/authorized_keys": ssh.make_access(place.access),
        "/etc/ssh/featherbench/host_key": place.access.host_key.read_text(),
    }
    write_atomic(place.seed, files_layer({path: text.encode() for path, text in told.items()}))


def _connects(place):
    try:
        ssh.connect(place.access.config)
    except InstanceError:
        return False
    return True


def _wait(process, place, condition, *, what, within_s):
    """Wait for a condition as long as the machine lives. Raises InstanceError."""

    def attempt():
        qemu.require_life(process, place)
        return condition()

    try:
        wait_until(attempt, what=what, within_s=within_s, every_s=POLL_S)
    except DeadlineError as late:
        said = qemu.tail(qemu.console_of(place))
        raise InstanceError(f"{late.message}; the console said last:\n{said}") from late


def _boot(process, place):
    wait = partial(_wait, process, place)
    taps = [INTERFACES / tap for tap in place.taps]
    wait(lambda: all(tap.exists() for tap in taps), what="QEMU's taps", within_s=TAPS_WITHIN_S)
    subprocesses.run(["ip", "-batch", "-"], timeout_s=IP_WITHIN_S, stdin=_tap_steps(place))
    wait(lambda: IS_UP in qemu.console_of(place), what="dom0's init", within_s=BOOT_WITHIN_S)
    wait(lambda: _connects(place), what="dom0's sshd", within_s=SSH_WITHIN_S)


@contextmanager
def running():
    """Run a dom0 while the block runs.

    Raises ImageError when what it boots from cannot be built, InstanceError when it does not boot.
    """
    parts = dom0_root.built()
    with own_place() as place:
        _write_seed(place)
        with qemu.running(place, parts) as process:
            _boot(process, place)
            config = place.access.config
            try:
                yield Dom0(
                    ssh_config=config, data_tap=place.data_tap, bridge=BRIDGE, console=place.console
                )
            finally:
                ssh.disconnect(config)
