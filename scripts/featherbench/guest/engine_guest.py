# SPDX-License-Identifier: Apache-2.0
"""A guest with an engine in it: started, reached by ssh, shut down."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from featherbench import ssh
from featherbench.errors import DeadlineError, InstanceError
from featherbench.guest import bridge, folder, hypervisor, machine, report
from featherbench.guest import seed as seeds
from featherbench.ssh import Access, SshNode
from featherbench.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from featherbench.guest.definition import Accelerator
    from featherbench.guest.layout import Layout
    from featherbench.platforms.contract import Tuning

log = logging.getLogger(__name__)

INIT = "/sbin/init"
KERNEL_WORDS = "apparmor=0"
"""The guests have no AppArmor's programs; Docker would look for them, and fail."""
BOOTED_WITHIN_S: dict[Accelerator, float] = {"kvm": 30.0, "tcg": 150.0}
"""Until its kernel has started the first program."""
BOOTS = 2
READY_WITHIN_S: dict[Accelerator, float] = {"kvm": 120.0, "tcg": 600.0}
POLL_S = 0.5
SHUT_DOWN_WITHIN_S = 300.0
COMMAND_WITHIN_S = 120.0


def access_to(instance_id: str, state: str, layout: Layout) -> Access:
    """Say how a guest is reached."""
    return Access(
        folder=folder.of(instance_id).path, address=layout.guest, interface=bridge.of(state)
    )


def _config_of(instance_id: str) -> Path:
    return folder.of(instance_id).path / ssh.CONFIG_NAME


def node_of(instance_id: str) -> SshNode:
    """Give the node that a running guest is."""
    return SshNode(name=str(_config_of(instance_id)))


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


def _has_told(name: str, order: machine.Order, address: str) -> bool:
    """Whether it has told that it came so far. Raises InstanceError when it ended before."""
    if name in report.read(folder.of(order.instance_id).report):
        return True
    if not hypervisor.is_running(order.instance_id):
        said = machine.diagnosis(order.instance_id, order.console, address, 0)
        raise InstanceError(f"the guest for the engine ended as it booted: {said}")
    return False


def start(order: machine.Order, address: str) -> SshNode:
    """Start a guest, wait until its engine has started, and connect.

    Raises InstanceError, with the last lines of its console, when that does not happen; the guest
    is gone then.
    """
    try:
        _boot(order, address)
        _wait_for(report.READY, "engine", order, address, within_s=READY_WITHIN_S)
        ssh.connect(_config_of(order.instance_id))
    except BaseException:
        stop(order.instance_id)
        raise
    return node_of(order.instance_id)


def _boot(order: machine.Order, address: str) -> None:
    """Start it until its kernel runs a program.

    A kernel under emulation hangs now and then before that, on a busy machine. Nothing is measured
    yet, so it has another try.
    """
    for boots_left in reversed(range(BOOTS)):
        machine.start(order)
        try:
            _wait_for(report.USER_SPACE_BEGAN, "kernel", order, address, within_s=BOOTED_WITHIN_S)
        except InstanceError as failed:
            if not boots_left:
                raise
            log.warning("the guest is booted once more: %s", failed.message)
            machine.stop(order.instance_id)
        else:
            return


def _wait_for(
    name: str, what: str, order: machine.Order, address: str, *, within_s: dict[Accelerator, float]
) -> None:
    try:
        wait_until(
            partial(_has_told, name, order, address),
            what=f"start of the guest's {what}",
            within_s=within_s[order.accelerator],
            every_s=POLL_S,
        )
    except DeadlineError as late:
        said = machine.diagnosis(order.instance_id, order.console, address, 0)
        raise InstanceError(
            f"the guest's {what} did not start within {within_s[order.accelerator]:g} s: {said}",
            remedy="give the guest more memory or processors: `guest` in the platform's settings",
        ) from late


def stop(instance_id: str) -> None:
    """End a guest at once, with the connection to it; no error when it is gone already."""
    ssh.disconnect(_config_of(instance_id))
    machine.stop(instance_id)


def shut_down(order: machine.Order, node: SshNode) -> None:
    """Have a guest write all that it holds to its disk, and end.

    What the disk no longer needs is given back first. Raises DeadlineError when it does not end.
    """
    node.run(["fstrim", "/"], timeout_s=COMMAND_WITHIN_S)
    node.run(["systemctl", "poweroff"], timeout_s=COMMAND_WITHIN_S, check=False)
    wait_until(
        lambda: not hypervisor.is_running(order.instance_id),
        what="the guest shutting down",
        within_s=SHUT_DOWN_WITHIN_S,
        every_s=POLL_S,
    )
    stop(order.instance_id)
