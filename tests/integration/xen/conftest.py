# SPDX-License-Identifier: Apache-2.0
"""What tests of domains share: the way to the tests' own Xen, and what is left there."""

import pytest

from builders import placement_on
from featherbench import registry


@pytest.fixture
def placement(wire, tmp_path):
    given = placement_on(wire, tmp_path, hypervisor="xentcg")
    yield given
    for name in ("xentcg", "tcg"):  # the latter finds bridges and rules
        hypervisor = registry.load("hypervisors", name)
        for leftover in hypervisor.leftovers():
            if leftover.state == str(given.state):
                hypervisor.remove(leftover)
