# SPDX-License-Identifier: Apache-2.0
"""What featherbench has at LXD, marked in its configuration so that it can be found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.errors import TestbedError
from featherbench.ownership import LABEL, Leftover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pylxd import Client
    from pylxd.client import _APINode

MARK = f"user.{LABEL}"
STATE = f"{MARK}.state"
CONTAINER = "container"
KINDS = {CONTAINER: "instances", "network": "networks", "storage pool": "storage-pools"}
"""The part of LXD's API that has each; containers first, since they use the others."""


def marks(value: str, state: str) -> dict[str, str]:
    """Return the keys that make it a leftover of this testbed, and of no other."""
    return {MARK: value, STATE: state}


def matches(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Compare LXD's description of a resource, which may contain more, with the expected one."""
    config = {key: actual["config"].get(key) for key in expected["config"]}
    return config == expected["config"] and all(
        actual.get(key) == value for key, value in expected.items() if key != "config"
    )


def find(collection: _APINode, name: str) -> dict[str, Any] | None:
    """Return LXD's description of a resource; None if there is none of that name.

    `collection` is the part of LXD's API that has such resources.
    """
    from pylxd.exceptions import NotFound  # noqa: PLC0415 - heavy

    try:
        resource: dict[str, Any] = collection[name].get().json()["metadata"]
    except NotFound:
        return None
    return resource


def make(collection: _APINode, expected: Mapping[str, Any]) -> None:
    """Make a resource as LXD's API describes it, or make it again if it differs.

    Raises TestbedError when a resource of that name is not featherbench's.
    """
    name = expected["name"]
    resource = find(collection, name)
    if resource is not None and matches(resource, expected):
        return
    if resource is not None:
        if MARK not in resource["config"]:
            raise TestbedError(
                f"LXD has a resource named {name!r} that is no {expected['description']}",
                remedy="rename it, or remove it",
            )
        collection[name].delete()
    collection.post(json=expected)


def leftovers(client: Client) -> Iterator[Leftover]:
    """Yield all marked resources: containers, then what they use."""
    for kind, part in KINDS.items():
        resources = client.api[part].get(params={"recursion": 1}).json()["metadata"]
        for resource in resources:
            if MARK in resource["config"]:
                state = resource["config"].get(STATE, "")
                yield Leftover(kind=kind, name=resource["name"], state=state)
