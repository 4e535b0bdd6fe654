# SPDX-License-Identifier: Apache-2.0
"""How to recognise what belongs to featherbench: its label, its addresses, and its leftovers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

LABEL = "featherbench"
"""Marks everything that featherbench creates, so that leftovers can be found, and nothing else."""
BENCHMARKING_NETWORK = IPv4Network("198.18.0.0/15")
"""Reserved for benchmarks (RFC 2544). All addresses of testbeds are from it."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that a broken run left behind.

    `state` is the Placement.state that it was made for, where the driver knows it: another testbed
    on the same machine (a test's, another user's) then does not touch it. Empty: any testbed may
    remove it.
    """

    kind: str
    name: str
    handle: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
