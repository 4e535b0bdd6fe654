# SPDX-License-Identifier: Apache-2.0
"""The network of the containers."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from featherbench.errors import TestbedError
from featherbench.ownership import LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient

NAME = LABEL
BRIDGE = "fb-docker0"
STATE_LABEL = f"{LABEL}.state"
FIRST_WITH_GATEWAY_MODE = (1, 48)
"""Engines from this API version drop packets that are routed to a container's address."""


def driver_options(api_version: str) -> dict[str, str]:
    """Return the bridge's options for an engine with that API version."""
    options = {"com.docker.network.bridge.name": BRIDGE}
    if tuple(map(int, api_version.split("."))) >= FIRST_WITH_GATEWAY_MODE:
        options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected"
    return options


def description(subnet: str, state: str, api_version: str) -> dict[str, Any]:
    """Return the network as the engine's API describes it."""
    from docker.types import IPAMConfig, IPAMPool  # noqa: PLC0415 - heavy

    pool = IPAMPool(subnet=subnet, gateway=str(ipaddress.IPv4Network(subnet)[1]))
    return {
        "Driver": "bridge",
        "Options": driver_options(api_version),
        "Labels": {LABEL: "network", STATE_LABEL: state},
        "IPAM": IPAMConfig(pool_configs=[pool]),
    }


def _contains(actual: Mapping[str, Any] | None, expected: Mapping[str, Any]) -> bool:
    return all((actual or {}).get(key) == value for key, value in expected.items())


def matches(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Compare the engine's description of a network, which may contain more, with the expected."""
    (pool,) = expected["IPAM"]["Config"]
    pools = (actual.get("IPAM") or {}).get("Config") or [{}]
    return (
        actual.get("Driver") == expected["Driver"]
        and _contains(actual.get("Options"), expected["Options"])
        and _contains(actual.get("Labels"), expected["Labels"])
        and all(pools[0].get(key) == pool[key] for key in ("Subnet", "Gateway"))
    )


def make_network(client: DockerClient, *, subnet: str, state: str) -> None:
    """Make the network, or again if it differs. Raise TestbedError if it is not featherbench's."""
    expected = description(subnet, state, client.api.api_version)
    networks = client.networks.list(names=[NAME])
    network = next((network for network in networks if network.name == NAME), None)
    if network is not None and matches(network.attrs, expected):
        return
    if network is not None:
        if LABEL not in (network.attrs.get("Labels") or {}):
            raise TestbedError(
                f"the Docker engine has a network named {NAME!r} that is not featherbench's",
                remedy=f"rename it, or remove it: docker network rm {NAME}",
            )
        network.remove()
    client.networks.create(
        NAME,
        driver=expected["Driver"],
        options=expected["Options"],
        labels=expected["Labels"],
        ipam=expected["IPAM"],
    )
