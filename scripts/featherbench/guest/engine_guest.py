# SPDX-License-Identifier: Apache-2.0
"""A guest with an engine in it: started, reached by ssh, shut down."""

from __future__ import annotations

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

INIT = "/sbin/init"
KERNEL_WORDS = "apparmor=0"
"""The guests have no AppArmor's programs; Docker would look for them, and fail."""
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


def _has_started(order: machine.Order, address: str) -> bool:
    """Whether its engine has. Raises InstanceError when the guest ended before."""
    if report.READY in report.read(folder.of(order.instance_id).report):
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
    machine.start(order)
    try:
        _wait_for_engine(order, address)
        ssh.connect(_config_of(order.instance_id))
    except BaseException:
        stop(order.instance_id)
        raise
    return node_of(order.instance_id)


def _wait_for_engine(order: machine.Order, address: str) -> None:
    within_s = READY_WITHIN_S[order.accelerator]
    try:
        wait_until(
            partial(_has_started, order, address),
            what="start of the guest's engine",
            within_s=within_s,
            every_s=POLL_S,
        )
    except DeadlineError as late:
        said = machine.diagnosis(order.instance_id, order.console, address, 0)
        raise InstanceError(
            f"the guest's engine did not start within {within_s:g} s: {said}",
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
