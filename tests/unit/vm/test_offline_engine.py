# SPDX-License-Identifier: Apache-2.0
"""Engines on the disks of guests; tests/integration/platforms runs one."""

from featherbench.rootfs import descriptions
from featherbench.vm.offline_engine import ENGINES


def test_every_engine_of_guests_can_be_started_on_a_disk():
    names = [name for name in descriptions.names() if name.startswith("guest-")]
    assert {name.removeprefix("guest-") for name in names} == ENGINES.keys()
