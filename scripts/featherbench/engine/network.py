# SPDX-License-Identifier: Apache-2.0
"""The network of our containers, and the firewall rule that lets the client reach it."""

from __future__ import annotations

import ipaddress
import shlex
from typing import TYPE_CHECKING, Any

from featherbench import shell
from featherbench.errors import CommandError, TestbedError
from featherbench.platforms.contract import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import DockerClient
    from docker.models.networks import Network

NAME = LABEL
BRIDGE = "fb-docker0"
STATE_LABEL = f"{LABEL}.state"
BENCHMARKING = "198.18.0.0/15"
CHAIN = "DOCKER-USER"
FIRST_WITH_GATEWAY_MODE = (1, 48)
"""Engines from this version of the API drop packets that were routed to a container's address."""
FIREWALL_WITHIN_S = 10.0


def driver_options(api_version: str) -> dict[str, str]:
    """Give the bridge's options for an engine with that version of its API."""
    options = {"com.docker.network.bridge.name": BRIDGE}
    if tuple(map(int, api_version.split("."))) >= FIRST_WITH_GATEWAY_MODE:
        options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
    return options


def description(subnet: str, state: str, api_version: str) -> dict[str, Any]:
    """Give what describes our network to the engine: in the words of its API."""
    return {
        "Driver": "bridge",
        "Options": driver_options(api_version),
        "Labels": {LABEL: "network", STATE_LABEL: state},
        "IPAM": {
            "Config": [{"Subnet": subnet, "Gateway": str(ipaddress.IPv4Network(subnet)[1])}],
        },
    }


def _contains(found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    return all((found or {}).get(key) == value for key, value in wanted.items())


def is_as_wanted(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Compare what the engine says of a network, which may say more, with what was asked for."""
    pools = (found.get("IPAM") or {}).get("Config") or [{}]
    return (
        found.get("Driver") == wanted["Driver"]
        and _contains(found.get("Options"), wanted["Options"])
        and _contains(found.get("Labels"), wanted["Labels"])
        and _contains(pools[0], wanted["IPAM"]["Config"][0])
    )


def _found(client: DockerClient) -> Network | None:
    named = client.networks.list(names=[NAME])
    return next((each for each in named if each.name == NAME), None)


def _create(client: DockerClient, wanted: Mapping[str, Any]) -> None:
    from docker.types import IPAMConfig, IPAMPool  # noqa: PLC0415 - heavy

    pools = [
        IPAMPool(subnet=pool["Subnet"], gateway=pool["Gateway"])
        for pool in wanted["IPAM"]["Config"]
    ]
    client.networks.create(
        NAME,
        driver=wanted["Driver"],
        options=wanted["Options"],
        labels=wanted["Labels"],
        ipam=IPAMConfig(pool_configs=pools),
    )


def make_network(client: DockerClient, *, subnet: str, state: str) -> None:
    """See to it that our network is there as wanted.

    Raises TestbedError when another one, that is not ours, has its name.
    """
    wanted = description(subnet, state, client.api.api_version)
    found = _found(client)
    if found is not None and is_as_wanted(found.attrs, wanted):
        return
    if found is not None:
        if LABEL not in (found.attrs.get("Labels") or {}):
            raise TestbedError(
                f"the Docker engine has a network named {NAME!r} that is not ours",
                remedy=f"rename it, or remove it: docker network rm {NAME}",
            )
        found.remove()
    _create(client, wanted)


def rule(state: str) -> list[str]:
    """Give our firewall rule: traffic between addresses for benchmarking may pass."""
    addresses = ["-s", BENCHMARKING, "-d", BENCHMARKING]
    return [*addresses, "-m", "comment", "--comment", f"{LABEL} {state}", "-j", "ACCEPT"]


def _iptables(*arguments: str, check: bool = True) -> shell.Completed:
    return shell.run(["iptables", "-w", *arguments], timeout_s=FIREWALL_WITHIN_S, check=check)


def let_pass(state: str) -> None:
    """See to it that our rule is there: the engine drops what is forwarded and not published.

    Raises TestbedError when the firewall refuses.
    """
    if _iptables("-C", CHAIN, *rule(state), check=False).exit_status == 0:
        return
    try:
        _iptables("-I", CHAIN, *rule(state))
    except CommandError as refused:
        raise TestbedError(
            f"the firewall does not take our rule: {refused.message}",
            remedy="run as root, with iptables installed, and let the engine use iptables",
        ) from refused


def parse_rules(listing: str) -> Iterator[tuple[list[str], str]]:
    """Give each rule of ours in what `iptables -S` prints, with the testbed it was made for."""
    for line in listing.splitlines():
        words = shlex.split(line)
        if words[:2] == ["-A", CHAIN] and "--comment" in words:
            label, _, state = words[words.index("--comment") + 1].partition(" ")
            if label == LABEL:
                yield words[2:], state


def our_rules() -> list[tuple[list[str], str]]:
    """Find our rules in the firewall; none where there is no such chain."""
    return list(parse_rules(_iptables("-S", CHAIN, check=False).stdout))


def remove_rule(words: Sequence[str]) -> None:
    """Remove one of our rules; no error when it is gone already."""
    _iptables("-D", CHAIN, *words, check=False)
