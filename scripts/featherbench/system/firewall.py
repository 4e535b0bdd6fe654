# SPDX-License-Identifier: Apache-2.0
"""The firewall rule that lets the client's packets pass a Docker engine's rules.

A Docker engine drops every forwarded packet that is not for a published port of its own, even if
it is for another technology.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featherbench.errors import TestbedError
from featherbench.ownership import BENCHMARKING_NETWORK, LABEL, Leftover
from featherbench.system import subprocesses
from featherbench.system.machine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.system.machine import Machine
    from featherbench.system.subprocesses import Completed

RULE = "firewall rule"
CHAIN = "DOCKER-USER"
WITHIN_S = 10.0


def rule(state: str) -> list[str]:
    """Return the rule: traffic between addresses for benchmarking may pass."""
    addresses = ["-s", str(BENCHMARKING_NETWORK), "-d", str(BENCHMARKING_NETWORK)]
    return [*addresses, "-m", "comment", "--comment", f"{LABEL} {state}", "-j", "ACCEPT"]


def _iptables(*arguments: str, machine: Machine = LOCAL, check: bool = True) -> Completed:
    return machine.run(["iptables", "-w", *arguments], timeout_s=WITHIN_S, check=check)


def allow_testbed_traffic(state: str, machine: Machine = LOCAL) -> None:
    """Add the rule unless it exists; an engine without that chain drops none of our packets by it.

    Raises TestbedError when the firewall refuses.
    """
    if _iptables("-S", CHAIN, machine=machine, check=False).exit_status != 0:
        return
    if _iptables("-C", CHAIN, *rule(state), machine=machine, check=False).exit_status == 0:
        return
    what = "the firewall rejects the testbed's rule"
    remedy = "run as root, in the network namespace of the engine"
    with subprocesses.failure_as(TestbedError, what, remedy=remedy):
        _iptables("-I", CHAIN, *rule(state), machine=machine)


def parse_rules(listing: str) -> Iterator[tuple[list[str], str]]:
    """Yield the rules of ours in the output of `iptables -S`, each with its testbed's state."""
    for line in listing.splitlines():
        words = shlex.split(line)
        if words[:2] == ["-A", CHAIN] and "--comment" in words:
            label, _, state = words[words.index("--comment") + 1].partition(" ")
            if label == LABEL:
                yield words[2:], state


def leftovers() -> Iterator[Leftover]:
    """Yield our rules in this machine's firewall; none without that chain."""
    for words, state in parse_rules(_iptables("-S", CHAIN, check=False).stdout):
        yield Leftover(kind=RULE, name=" ".join(words), handle={"rule": words}, state=state)


def remove(leftover: Leftover) -> None:
    """Remove a rule; no error when it is gone already."""
    _iptables("-D", CHAIN, *leftover.handle["rule"], check=False)
