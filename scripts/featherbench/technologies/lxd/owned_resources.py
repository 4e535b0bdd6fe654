# SPDX-License-Identifier: Apache-2.0
"""What is ours at LXD: named, marked in its configuration, and made as it is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.errors import TestbedError
from featherbench.ownership import LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylxd.client import _APINode

MARK = f"user.{LABEL}"
STATE = f"{MARK}.state"


def marks(what: str, state: str) -> dict[str, str]:
    """Give the keys by which it is found again, and told from other testbeds' things."""
    return {MARK: what, STATE: state}


def is_as_wanted(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Compare what LXD says of a thing, which may say more, with what was asked for."""
    config = {key: found["config"].get(key) for key in wanted["config"]}
    return config == wanted["config"] and all(
        found.get(key) == value for key, value in wanted.items() if key != "config"
    )


def find(there: _APINode, name: str) -> dict[str, Any] | None:
    """Give what LXD says of the thing of that name; None when there is none.

    `there` is the part of LXD's API that holds such things.
    """
    from pylxd.exceptions import NotFound  # noqa: PLC0415 - heavy

    try:
        found: dict[str, Any] = there[name].get().json()["metadata"]
    except NotFound:
        return None
    return found


def make(there: _APINode, wanted: Mapping[str, Any]) -> None:
    """See to it that a thing is there as `wanted`, in the words of LXD's API.

    Raises TestbedError when another one, that is not ours, has its name.
    """
    name = wanted["name"]
    found = find(there, name)
    if found is not None and is_as_wanted(found, wanted):
        return
    if found is not None:
        if MARK not in found["config"]:
            raise TestbedError(
                f"LXD has one named {name!r} that is no {wanted['description']}",
                remedy="rename it, or remove it",
            )
        there[name].delete()
    there.post(json=wanted)
