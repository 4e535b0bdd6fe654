# SPDX-License-Identifier: Apache-2.0
"""What a server holds."""

import pytest

from featherbench.errors import UnavailableError
from featherbench.measuring.memory import held_bytes, is_steady, settled, typical_bytes
from featherbench.record import Usage


def usage(*, working_set=None, current=None):
    return Usage(
        cpu_s=None,
        throttled_s=None,
        memory_current_bytes=current,
        memory_working_set_bytes=working_set,
        memory_anonymous_bytes=None,
        memory_peak_bytes=None,
        source="test",
    )


def test_the_working_set_is_preferred():
    assert held_bytes(usage(working_set=5, current=9)) == 5
    assert held_bytes(usage(current=9)) == 9
    assert held_bytes(usage(working_set=0, current=9)) == 0


def test_a_platform_that_tells_nothing_is_named():
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


def test_what_was_not_told_is_left_out_of_the_median():
    assert typical_bytes([3, None, 1, 2]) == 2
    assert typical_bytes([None]) is None
