# SPDX-License-Identifier: Apache-2.0
"""A guest with an engine in it: started, and reached by ssh."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from featherbench.errors import DeadlineError, InstanceError
from featherbench.system import ssh
from featherbench.system.polling import wait_until
from featherbench.system.ssh import Access, SshMachine
from featherbench.vm import instance_dir
from featherbench.vm.boot import boot_report
from featherbench.vm.boot import seed as seeds
from featherbench.vm.network import bridge

if TYPE_CHECKING:
    from pathlib import Path

    from featherbench.contracts.vm_runner import VmRequest, VmRunner
    from featherbench.records.tuning import Tuning
    from featherbench.vm.network.addresses import Layout

log = logging.getLogger(__name__)

INIT = "/sbin/init"
KERNEL_WORDS = "apparmor=0"
"""The guests have no AppArmor's programs; Docker would look for them, and fail."""
BOOTS = 2
POLL_S = 0.5


def access_to(instance_id: str, state: str, layout: Layout) -> Access:
    """Say how a guest is reached."""
    return Access(
        folder=instance_dir.of(instance_id).path, address=layout.guest, interface=bridge.of(state)
    )


def _config_of(instance_id: str) -> Path:
    return instance_dir.of(instance_id).path / ssh.CONFIG_NAME


def machine_of(instance_id: str) -> SshMachine:
    """Give the node that a running guest is."""
    return SshMachine(name=str(_config_of(instance_id)))


def seed(instance_id: str, state: str, layout: Layout, tuning: Tuning) -> dict[str, str]:
    """Give what the guest is told: address, tuning of its own network, keys of both ends."""
    access = access_to(instance_id, state, layout)
    let_in = ssh.make_access(access)
    return {
        "network": seeds.network(layout),
        "sysctls": seeds.sysctls(tuning),
        "sshd_config": f"ListenAddress {layout.guest}\n",
        "authorized_keys": let_in,
        "host_key": access.host_key.read_text(),
    }


@dataclass(frozen=True, kw_only=True)
class EngineGuest:
    """A guest with an engine: what runs it, what was ordered, and its address."""

    hypervisor: VmRunner
    request: VmRequest
    address: str

    def start(self) -> SshMachine:
        """Start it, wait until its engine has started, and connect.

        Raises InstanceError, with the last lines of its console, when that does not happen; the
        guest is gone then.
        """
        instance_id = self.request.instance_id
        try:
            self._boot()
            self._wait_for(boot_report.READY, "engine", within_s=self.hypervisor.ready_within_s)
            ssh.connect(_config_of(instance_id))
        except BaseException:
            stop(self.hypervisor, instance_id)
            raise
        return machine_of(instance_id)

    def _boot(self) -> None:
        """Start it until its kernel runs a program.

        A kernel under emulation hangs now and then before that, on a busy machine. Nothing is
        measured yet, so it has another try.
        """
        within_s = self.hypervisor.booted_within_s
        for boots_left in reversed(range(BOOTS)):
            self.hypervisor.start(self.request)
            try:
                self._wait_for(boot_report.USER_SPACE_BEGAN, "kernel", within_s=within_s)
            except InstanceError as failed:
                if not boots_left:
                    raise
                log.warning("the guest is booted once more: %s", failed.message)
                self.hypervisor.stop(self.request.instance_id)
            else:
                return

    def _diagnosis(self) -> str:
        request = self.request
        return self.hypervisor.diagnosis(request.instance_id, request.console, self.address, 0)

    def _has_told(self, name: str) -> bool:
        """Whether it has told that it came so far. Raises InstanceError when it ended before."""
        instance_id = self.request.instance_id
        if name in self.hypervisor.told(instance_id):
            return True
        if not self.hypervisor.is_running(instance_id):
            raise InstanceError(f"the guest for the engine ended as it booted: {self._diagnosis()}")
        return False

    def _wait_for(self, name: str, what: str, *, within_s: float) -> None:
        try:
            wait_until(
                partial(self._has_told, name),
                what=f"start of the guest's {what}",
                within_s=within_s,
                every_s=POLL_S,
            )
        except DeadlineError as late:
            raise InstanceError(
                f"the guest's {what} did not start within {within_s:g} s: {self._diagnosis()}",
                remedy="give the guest more memory or processors: `guest` in the platform's"
                " settings",
            ) from late


def stop(hypervisor: VmRunner, instance_id: str) -> None:
    """End a guest at once, with the connection to it; no error when it is gone already."""
    ssh.disconnect(_config_of(instance_id))
    hypervisor.stop(instance_id)
