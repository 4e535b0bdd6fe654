# SPDX-License-Identifier: Apache-2.0
"""The machine record, and the versions of the tools in it."""

import pytest

from builders import captured
from featherbench.inspection import collect
from featherbench.system.programs import parse_version


@pytest.mark.parametrize(
    ("output", "version"),
    captured("messages/versions"),
)
def test_versions_of_tools(output, version):
    assert parse_version(output) == version


def test_the_record_of_an_unknown_machine_can_be_read_back(tmp_path):
    record = collect.collect(checkout=tmp_path, technologies={}, findings=(), root=tmp_path)
    assert record.cpu_model is None
    assert record.git_commit is None
    record.write(tmp_path / "machine.json")
    assert collect.MachineRecord.read(tmp_path / "machine.json") == record
