# SPDX-License-Identifier: Apache-2.0
"""Where one of the tests' dom0s runs: several may at a time, and a number gives all their names."""

import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folder, the interfaces of this machine and the addresses of one dom0."""

    number: int

    @property
    def folder(self):
        return RUNS / str(self.number)

    @property
    def management_tap(self):
        return f"fb-xen{self.number}m"

    @property
    def data_tap(self):
        return f"fb-xen{self.number}d"

    @property
    def taps(self):
        return self.management_tap, self.data_tap

    @property
    def machine_address(self):
        return f"{SUBNET}.{4 * self.number + 1}"

    @property
    def dom0_address(self):
        return f"{SUBNET}.{4 * self.number + 2}"

    @property
    def access(self):
        return ssh.Access(
            folder=self.folder, address=self.dom0_address, interface=self.management_tap
        )

    @property
    def console(self):
        return self.folder / "console.log"

    @property
    def overlay(self):
        return self.folder / "disk.qcow2"

    @property
    def seed(self):
        return self.folder / "seed.img"

    @property
    def qemu_log(self):
        return self.folder / "qemu.log"

    @property
    def process(self):
        return self.folder / "qemu.json"


def _remove_leftover(place):
    """End the QEMU of a run that was killed, if it lives, and remove what that run wrote."""
    with suppress(FileNotFoundError):
        end(Process.read(place.process), grace_s=END_GRACE_S, what="a QEMU that was left over")
    shutil.rmtree(place.folder, ignore_errors=True)


def _take_free():
    """Find a place that nobody has, and lock it."""
    for number in range(MOST_RUNS):
        if lock := try_lock(RUNS / f"{number}.lock"):
            return Place(number=number), lock
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
