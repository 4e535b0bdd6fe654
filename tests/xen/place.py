# SPDX-License-Identifier: Apache-2.0
"""Where one of the tests' dom0s runs: several may at a time, and a number gives all their names."""

import shutil
from contextlib import contextmanager, suppress

from featherbench.errors import InstanceError
from featherbench.system import ssh
from featherbench.system.processes import Process, end
from featherbench.testbed.lock import try_lock
from xen.dom0_root import CACHE

RUNS = CACHE / "runs"
MOST_RUNS = 16
SUBNET = "198.19.240"
"""Each dom0 has four addresses of it; no configuration and no other test uses them."""
END_GRACE_S = 5.0


class Place:
    """The folder, the interfaces of this machine and the addresses of one dom0."""

    def __init__(self, number):
        self.folder = RUNS / str(number)
        self.taps = self.management_tap, self.data_tap = f"fb-xen{number}m", f"fb-xen{number}d"
        self.machine_address, self.dom0_address = (f"{SUBNET}.{4 * number + n}" for n in (1, 2))
        self.access = ssh.Access(
            folder=self.folder, address=self.dom0_address, interface=self.management_tap
        )
        self.console, self.qemu_log = self.folder / "console.log", self.folder / "qemu.log"
        self.overlay, self.seed = self.folder / "disk.qcow2", self.folder / "seed.img"
        self.process = self.folder / "qemu.json"


def _remove_leftover(place):
    """End the QEMU of a run that was killed, if it lives, and remove what that run wrote."""
    with suppress(FileNotFoundError):
        end(Process.read(place.process), grace_s=END_GRACE_S, what="a QEMU that was left over")
    shutil.rmtree(place.folder, ignore_errors=True)


def _take_free():
    """Find a place that nobody has, and lock it."""
    for number in range(MOST_RUNS):
        if lock := try_lock(RUNS / f"{number}.lock"):
            return Place(number), lock
    raise InstanceError(
        f"{MOST_RUNS} of the tests' dom0s run already", remedy=f"end some: see {RUNS}"
    )


@contextmanager
def own_place():
    """Give an empty place that nobody else has while the block runs and this process lives."""
    place, lock = _take_free()
    try:
        _remove_leftover(place)
        place.folder.mkdir(mode=0o700)
        yield place
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)
        lock.release()
