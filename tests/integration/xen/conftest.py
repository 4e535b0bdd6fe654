# SPDX-License-Identifier: Apache-2.0
"""What tests of domains share: the way to the tests' own Xen, and what is left there."""

import os

import pytest

from featherbench import registry
from featherbench.contracts.technology import Placement


@pytest.fixture
def placement(wire, tmp_path):
    given = Placement(
        hypervisor="xentcg",
        address=wire.address,
        callback_address=wire.address,
        cpus=(max(os.sched_getaffinity(0)),),
        container_subnet="",
        guest_subnet=wire.guest_subnet,
        state=tmp_path / "state",
    )
    yield given
    for name in ("xentcg", "tcg"):  # the latter finds bridges and rules
        hypervisor = registry.load("hypervisors", name)
        for leftover in hypervisor.leftovers():
            if leftover.state == str(given.state):
                hypervisor.remove(leftover)
