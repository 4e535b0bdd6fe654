# SPDX-License-Identifier: Apache-2.0
"""Records are files that are complete, and that no other version of a record is read from.

This holds for records.cell, records.instance, records.job_specs, records.machine,
records.requirement and records.tuning alike.
"""

import math

import pytest
from pydantic import ValidationError

from builders import coordinates
from featherbench.errors import RecordError
from featherbench.records.cell import Cell, Measure
from featherbench.records.job_specs import RootFilesystemSpec, TestbedSpec
from featherbench.records.tuning import Tuning


def test_a_record_is_read_back_as_it_was(tmp_path):
    file = tmp_path / "folder" / "measure.json"
    measure = Measure(metric="m", value=math.inf, unit="ms")
    measure.write(file)
    assert Measure.read(file) == measure
    assert file.read_text().endswith("}\n")


DAMAGED = {
    "empty": b"",
    "truncated": b'{"metric": "m", "val',
    "garbage": b"\x00\xff\xfe\x9c",
    "of something else": b"[1]",
    "of another version": b'{"metric": "m", "value": 1, "unit": "ms", "more": 1}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_named_with_the_command_that_mends_it(tmp_path, content):
    file = tmp_path / "a record.json"
    file.write_bytes(content)
    with pytest.raises(RecordError, match=rf"{file} cannot be read: ") as raised:
        Measure.read(file)
    assert raised.value.remedy == f"`rm '{file}'`, and run again: it is then made again"
    assert Measure.read_valid(file) is None


def test_unknown_keys_and_changes_are_errors():
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Measure.model_validate({"metric": "m", "value": 1, "unit": "ms", "more": 1})
    with pytest.raises(ValidationError, match="frozen"):
        Measure(metric="m", value=1, unit="ms").value = 2


def test_a_cell_of_another_schema_is_not_read():
    with pytest.raises(ValidationError) as raised:
        Cell.model_validate({"schema_version": 2})
    assert ("schema_version",) in {error["loc"] for error in raised.value.errors()}


def test_a_cell_is_named_by_its_coordinates():
    where = coordinates("docker-native+host", "http", 3, 100)
    assert str(where) == "docker-native+host/http/d3/c100"


def test_specs_have_the_defaults_that_the_configuration_has():
    assert RootFilesystemSpec(code="x").suite == "bookworm"
    assert TestbedSpec().client == "netns"
    assert Tuning().nofile == 20000


def test_sysctls_are_texts_below_net():
    assert Tuning(net_sysctls={"net.core.somaxconn": 5}).net_sysctls["net.core.somaxconn"] == "5"
    with pytest.raises(ValidationError, match="net_sysctls"):
        Tuning(net_sysctls={"kernel.panic": "1"})
