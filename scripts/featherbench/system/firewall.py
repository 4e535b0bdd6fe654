# SPDX-License-Identifier: Apache-2.0
"""The firewall rule that lets the client's packets pass a Docker engine's rules.

A Docker engine drops every forwarded packet that is not for a published port of its own, even if
it is for another technology.
"""

import shlex
from collections.abc import Iterator

from featherbench.errors import TestbedError
from featherbench.ownership import BENCHMARKING_NETWORK, LABEL, Leftover
from featherbench.system import subprocesses
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.subprocesses import Completed

RULE = "firewall rule"
CHAIN = "DOCKER-USER"
WITHIN_S = 10.0
MOST_CHAINS = 4
PASS = f"from {BENCHMARKING_NETWORK} to {BENCHMARKING_NETWORK}"
REMEDIES = {
    "ufw": f"ufw allow {PASS}; ufw route allow {PASS}",
    "firewalld": f"firewall-cmd --zone=trusted --add-source={BENCHMARKING_NETWORK}",
    "": f"let packets {PASS} pass there; see `nft list ruleset` and `iptables -S`",
}
"""What lets our packets pass, by a word in the names of the chains."""


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


def parse_dropping(ruleset: str) -> list[str]:
    """Return the chains of `nft list ruleset` that drop or reject what arrives or is forwarded.

    Those of a Docker engine are left out: it lets us pass.
    """
    chains: dict[str, None] = {}
    table = chain = hook = ""
    for line in map(str.strip, ruleset.splitlines()):
        words = line.split()
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif words[:1] == ["chain"]:
            chain, hook = words[1], ""
        elif words[:1] == ["type"]:
            hook = words[words.index("hook") + 1]
        drops = "policy drop" in line if hook and words[:1] == ["type"] else _drops(line)
        if drops and hook != "output" and not chain.startswith("DOCKER"):
            chains[f"table {table}, chain {chain}"] = None
    return list(chains)


def parse_legacy(listing: str) -> list[str]:
    """Return such chains of `iptables -S`, which knows no nftables on older machines."""
    rules = map(str.split, listing.splitlines())
    drops = {"DROP", "REJECT"}
    chains = [words[1] for words in rules if drops & set(words) and words[1] != "OUTPUT"]
    return [f"iptables chain {c}" for c in dict.fromkeys(chains) if not c.startswith("DOCKER")]


def _drops(line: str) -> bool:
    return line.endswith(" drop") or line == "drop" or "reject" in line.split()


def who_drops() -> tuple[str, str]:
    """Return which chains of this machine's firewall may drop packets of ours, and the remedy."""
    listed = LOCAL.run(["nft", "list", "ruleset"], timeout_s=WITHIN_S, check=False).stdout
    chains = parse_dropping(listed) or parse_legacy(_iptables("-S", check=False).stdout)
    owner = next((word for word in REMEDIES if any(word in chain for chain in chains)), "")
    if not chains:
        return "nothing in `nft list ruleset` drops them", REMEDIES[""]
    return f"the firewall may drop them ({'; '.join(chains[:MOST_CHAINS])})", REMEDIES[owner]
