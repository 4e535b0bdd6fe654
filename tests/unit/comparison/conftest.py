# SPDX-License-Identifier: Apache-2.0
"""A host's record, as small as it can be."""

from __future__ import annotations

import pytest

from featherbench.records.machine import MachineRecord


@pytest.fixture
def machine():
    """The record of some host."""
    facts = dict.fromkeys(MachineRecord.model_fields)
    return MachineRecord.model_validate(
        facts
        | {"fingerprint": "abc", "recorded_utc": "now", "governors": (), "idle_states_us": {}}
        | {"mitigations": {}, "virtualization": "none", "sysctls": {}, "tools": {"wrk": "4.1.0"}}
        | {"technologies": {}, "python": "3.11.2", "libraries": {}, "findings": ()}
    )
