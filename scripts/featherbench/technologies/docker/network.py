# SPDX-License-Identifier: Apache-2.0
"""The network of our containers."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from featherbench.errors import TestbedError
from featherbench.ownership import LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient
    from docker.models.networks import Network

NAME = LABEL
BRIDGE = "fb-docker0"
STATE_LABEL = f"{LABEL}.state"
FIRST_WITH_GATEWAY_MODE = (1, 48)
"""Engines from this version of the API drop packets that were routed to a container's address."""


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
