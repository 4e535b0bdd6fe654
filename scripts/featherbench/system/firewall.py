# SPDX-License-Identifier: Apache-2.0
"""The firewall rule that lets the client's packets pass where a Docker engine drops them.

A Docker engine drops whatever is forwarded and not published, also to what is not its own.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.errors import CommandError, TestbedError
from featherbench.ownership import BENCHMARKING_NETWORK, LABEL, Leftover
from featherbench.system.machine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.system.machine import Machine
    from featherbench.system.subprocesses import Completed

RULE = "firewall rule"
CHAIN = "DOCKER-USER"
WITHIN_S = 10.0


def rule(state: str) -> list[str]:
    """Give our firewall rule: traffic between addresses for benchmarking may pass."""
    addresses = ["-s", str(BENCHMARKING_NETWORK), "-d", str(BENCHMARKING_NETWORK)]
    return [*addresses, "-m", "comment", "--comment", f"{LABEL} {state}", "-j", "ACCEPT"]


def _iptables(*arguments: str, machine: Machine = LOCAL, check: bool = True) -> Completed:
    return machine.run(["iptables", "-w", *arguments], timeout_s=WITHIN_S, check=check)


def allow_testbed_traffic(state: str, machine: Machine = LOCAL) -> None:
    """See to it that our rule is there. Raises TestbedError when the firewall refuses."""
    if _iptables("-C", CHAIN, *rule(state), machine=machine, check=False).exit_status == 0:
        return
    try:
        _iptables("-I", CHAIN, *rule(state), machine=machine)
    except CommandError as refused:
        raise TestbedError(
            f"the firewall does not take our rule: {refused.message}",
            remedy="run as root, with iptables installed, and let the engine use iptables",
        ) from refused


def let_pass_docker(state: str, machine: Machine = LOCAL) -> None:
    """Do that where a Docker engine has set up the firewall; nobody else drops our packets."""
    if _iptables("-S", CHAIN, machine=machine, check=False).exit_status == 0:
        allow_testbed_traffic(state, machine)


def parse_rules(listing: str) -> Iterator[tuple[list[str], str]]:
    """Give each rule of ours in what `iptables -S` prints, with the testbed it was made for."""
    for line in listing.splitlines():
        words = shlex.split(line)
        if words[:2] == ["-A", CHAIN] and "--comment" in words:
            label, _, state = words[words.index("--comment") + 1].partition(" ")
            if label == LABEL:
                yield words[2:], state


def leftovers() -> Iterator[Leftover]:
    """Find our rules in this machine's firewall; none where there is no such chain."""
    for words, state in parse_rules(_iptables("-S", CHAIN, check=False).stdout):
        yield Leftover(kind=RULE, name=" ".join(words), handle={"rule": words}, state=state)


def remove(leftover: Leftover) -> None:
    """Remove one of our rules; no error when it is gone already."""
    _iptables("-D", CHAIN, *leftover.handle["rule"], check=False)
