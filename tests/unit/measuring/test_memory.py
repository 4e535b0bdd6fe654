# SPDX-License-Identifier: Apache-2.0
"""What a server holds at rest and under load."""

from dataclasses import replace
from pathlib import Path

import pytest

from builders import WRK_OK, canned_load_generator, load
from featherbench.errors import InstanceDiedError, LoadError, UnavailableError
from featherbench.measuring.memory import held_bytes, is_steady, settled, typical_bytes, under_load
from featherbench.records.cell import Usage
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until


def usage(*, working_set=None, current=None):
    return Usage(memory_current_bytes=current, memory_working_set_bytes=working_set, source="test")


def test_the_working_set_is_preferred_and_no_amount_at_all_is_an_error():
    assert held_bytes(usage(working_set=5, current=9)) == 5
    assert held_bytes(usage(current=9)) == 9
    assert held_bytes(usage(working_set=0, current=9)) == 0
    with pytest.raises(UnavailableError, match="memory"):
        held_bytes(usage())


@pytest.mark.parametrize(
    ("amounts", "steady"),
    [
        ([], False),
        ([5, 5], False),
        ([5, 5, 5], True),
        ([9, 5, 5, 5], True),
        ([100, 100, 101], True),
        ([100, 100, 102], False),
    ],
)
def test_rest_is_three_readings_alike(amounts, steady):
    assert is_steady(amounts) is steady


def test_a_server_is_read_once_it_rests(bench_for):
    assert held_bytes(settled(bench_for("memory"))) == 2 << 20


def test_unknown_amounts_are_not_part_of_the_median():
    assert typical_bytes([3, None, 1, 2]) == 2
    assert typical_bytes([None]) is None


def loaded(bench, *argv):
    bench = replace(bench, load_generators={"http": canned_load_generator(*argv)})
    return under_load(bench, "http", load(duration_s=2.0), expected_s=0.1)


def test_memory_is_read_while_the_load_runs(bench_for):
    memory = loaded(bench_for("memory"), "sh", "-c", f"sleep 0.3; cat {WRK_OK}")
    assert len(memory.readings) >= 2
    assert memory.result.requests == 228251


def test_memory_is_read_even_if_the_load_ends_at_once(bench_for, monkeypatch):
    start = subprocesses.start

    def ended(*arguments, **keywords):
        process = start(*arguments, **keywords)
        process.wait()
        return process

    monkeypatch.setattr(subprocesses, "start", ended)
    assert len(loaded(bench_for("memory")).readings) == 1


def test_a_load_that_cannot_be_made_is_a_load_error(bench_for):
    with pytest.raises(LoadError, match="no route"):
        loaded(bench_for("memory"), "echo", "no route")


def test_a_server_that_dies_under_load_ends_the_load_too(bench_for, technology, tmp_path):
    mark = tmp_path / "pid"

    def dies(_):
        wait_until(lambda: mark.exists() and mark.read_text(), what="the load", within_s=5)
        raise InstanceDiedError("gone")

    technology.usage = dies
    with pytest.raises(InstanceDiedError):
        loaded(bench_for("memory"), "sh", "-c", f"echo $$ > {mark}; exec sleep 600")
    assert not Path("/proc", mark.read_text().strip()).exists()
