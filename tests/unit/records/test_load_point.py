# SPDX-License-Identifier: Apache-2.0
"""Load points: their names, and the load that each comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import offered
from featherbench.records.base import Record
from featherbench.records.load_point import Axis, LoadPoint, OfferedLoad


@given(axis=st.sampled_from(Axis), level=st.integers(1, 10**7))
def test_a_name_says_axis_and_level(axis, level):
    point = LoadPoint.at(axis, level)
    assert (point.axis, point.level) == (axis, level)
    assert LoadPoint(str(point)) == point


@pytest.mark.parametrize("name", ["", "c", "c0", "c01", "5", "r5%", "c5pc", "rpc", "c1 ", "C1"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="is no load point"):
        LoadPoint(name)


def test_a_record_has_it_as_its_name():
    class Holder(Record):
        load_point: LoadPoint

    read = Holder.model_validate_json('{"load_point": "r50pc"}')
    assert read.load_point.axis is Axis.PERCENT
    assert read.model_dump(mode="json") == {"load_point": "r50pc"}


def test_the_rate_is_as_it_is_named_or_a_share_of_what_the_baseline_reached():
    reached = {"kv_get_throughput": 80_000.0, "kv_set_throughput": 60_000.0}
    share = OfferedLoad(load_point=LoadPoint("r50pc"), connections=100, reached=reached)
    assert share.rate_per_s("kv_set_throughput") == 30_000
    fixed = OfferedLoad(load_point=LoadPoint("r5000"), connections=100)
    assert fixed.rate_per_s("kv_get_throughput") == 5_000
    assert offered(100).rate_per_s("kv_get_throughput") is None
