# SPDX-License-Identifier: Apache-2.0
"""A virtual machine with a container engine in it: started, and reached by ssh."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from featherbench.contracts.vm_runner import GuestAddresses, Vm, VmRequest, VmRunner
from featherbench.errors import DeadlineError, InstanceError
from featherbench.records.tuning import Tuning
from featherbench.system import ssh
from featherbench.system.polling import wait_until
from featherbench.system.ssh import Access, SshMachine
from featherbench.vm import boot_report, bridge, disk_image, instance_dir

log = logging.getLogger(__name__)

INIT = "/sbin/init"
KERNEL_WORDS = "apparmor=0"
"""The guests lack AppArmor's programs; Docker would look for them, and fail."""
BOOTS = 2
BOOTED_WITHIN_S = 30.0
"""Until the kernel starts its first program."""
READY_WITHIN_S = 120.0
"""Until the engine has started after that."""
POLL_S = 0.5


def _config_of(instance_id: str) -> Path:
    return instance_dir.of(instance_id).path / ssh.CONFIG_NAME


def machine_of(instance_id: str) -> SshMachine:
    """Return the machine that a running guest is."""
    return SshMachine(name=str(_config_of(instance_id)))


def seed(instance_id: str, state: str, addresses: GuestAddresses, tuning: Tuning) -> dict[str, str]:
    """Return the guest's address, the tuning of its own network, and the keys of both ends."""
    access = Access(
        folder=instance_dir.of(instance_id).path,
        address=addresses.guest,
        interface=bridge.of(state),
    )
    authorized_keys = ssh.make_access(access)
    return {
        "network": disk_image.seed_network(addresses),
        "sysctls": disk_image.seed_sysctls(tuning),
        "sshd_config": f"ListenAddress {addresses.guest}\n",
        "authorized_keys": authorized_keys,
        "host_key": access.host_key.read_text(encoding="utf-8"),
    }


def stop(runner: VmRunner, vm: Vm) -> None:
    """End a guest at once, with the connection to it; no error if it is gone already."""
    ssh.disconnect(_config_of(vm.instance_id))
    runner.stop(vm)


@contextmanager
def ended_on_failure(runner: VmRunner, vm: Vm) -> Iterator[None]:
    """End a guest if the block fails."""
    try:
        yield
    except BaseException:
        stop(runner, vm)
        raise


@dataclass(frozen=True, kw_only=True)
class EngineVm:
    """A virtual machine with an engine, and what runs it."""

    runner: VmRunner
    request: VmRequest
    vm: Vm

    def start(self) -> None:
        """Start it and its engine, and connect. On failure end it: raise InstanceError."""
        with ended_on_failure(self.runner, self.vm):
            self._boot()
            self._wait_for(boot_report.READY, "engine", within_s=READY_WITHIN_S)
            ssh.connect(_config_of(self.vm.instance_id))

    def _boot(self) -> None:
        """Start it, and wait until its kernel runs a program.

        Under emulation on a busy machine, a kernel occasionally hangs before that. Nothing is
        measured yet, so it is booted a second time.
        """
        for boots_left in reversed(range(BOOTS)):
            self.runner.start(self.request)
            try:
                self._wait_for(boot_report.USER_SPACE_BEGAN, "kernel", within_s=BOOTED_WITHIN_S)
            except InstanceError as error:
                if not boots_left:
                    raise
                log.warning("the guest is booted once more: %s", error.message)
                self.runner.stop(self.vm)
            else:
                return

    def _has_reported(self, name: str) -> bool:
        """Return whether it has reported that step. Raise InstanceError if it ended before."""
        if name in boot_report.read(instance_dir.of(self.vm.instance_id).report):
            return True
        if not self.runner.is_running(self.vm):
            raise InstanceError(
                f"the guest for the engine ended as it booted: {self.runner.diagnosis(self.vm)}"
            )
        return False

    def _wait_for(self, name: str, what: str, *, within_s: float) -> None:
        within_s *= self.runner.boot_slowdown
        try:
            wait_until(
                partial(self._has_reported, name),
                what=f"start of the guest's {what}",
                within_s=within_s,
                every_s=POLL_S,
            )
        except DeadlineError as late:
            raise InstanceError(
                f"the guest's {what} did not start within {within_s:g} s:"
                f" {self.runner.diagnosis(self.vm)}",
                remedy="give the guest more memory or processors: `guest` in the platform's"
                " settings",
            ) from late
