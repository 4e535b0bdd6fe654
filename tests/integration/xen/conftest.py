# SPDX-License-Identifier: Apache-2.0
"""What tests of domains share: the way to the tests' own Xen, and what is left there."""

import os

import pytest

from featherbench import plugins
from featherbench.platforms.contract import Place


@pytest.fixture
def place(wire, tmp_path):
    given = Place(
        host="xentcg",
        address=wire.address,
        home=wire.address,
        cpus=(max(os.sched_getaffinity(0)),),
        container_subnet="",
        guest_subnet=wire.guest_subnet,
        state=tmp_path / "state",
    )
    yield given
    for host in map(plugins.host, ("xentcg", "tcg")):  # the latter finds bridges and rules
        for leftover in host.leftovers():
            if leftover.state == str(given.state):
                host.remove(leftover)
