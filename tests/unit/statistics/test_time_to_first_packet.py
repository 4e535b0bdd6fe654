# SPDX-License-Identifier: Apache-2.0
"""Bandwidths at which platforms cross, and which platform is the fastest."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from builders import METRICS
from featherbench.statistics import time_to_first_packet
from studies import first_packets


def crossings(samples):
    return time_to_first_packet.crossing_bandwidths(samples, METRICS)


def contenders_of(samples):
    return time_to_first_packet.contenders(samples, METRICS)


def test_two_platforms_cross_where_the_surplus_takes_as_long_as_the_later_start():
    samples = first_packets({"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)})
    (row,) = crossings(samples).to_dict("records")
    assert list(row) == time_to_first_packet.COLUMNS
    assert (row["first_below"], row["first_above"]) == ("osv-kvm", "docker-native")
    assert row["bandwidth_mbit_s"] == pytest.approx(40)
    assert row["changes_the_winner"]


def test_at_the_crossing_both_take_equally_long():
    samples = first_packets({"docker-native": (0.23, 600.0), "osv-kvm": (1.1, 75.0)})
    (bandwidth,) = crossings(samples)["bandwidth_mbit_s"]
    a, b = contenders_of(samples)["http"]
    assert a.time_s(bandwidth) == pytest.approx(b.time_s(bandwidth))


def test_the_interval_is_that_of_the_later_start():
    samples = first_packets({"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)}, spread=0.05)
    (row,) = crossings(samples).to_dict("records")
    later = stats.ttest_ind([2.85, 3, 3.15], [0.95, 1, 1.05], equal_var=False)
    interval = later.confidence_interval()
    assert row["ci_low"] == pytest.approx(80 / interval.high)
    assert row["ci_high"] == pytest.approx(80 / interval.low)


def test_if_the_starts_may_be_equal_the_interval_is_infinite():
    samples = first_packets({"docker-native": (1.0, 100.0), "osv-kvm": (1.1, 20.0)}, spread=0.3)
    (row,) = crossings(samples).to_dict("records")
    assert row["ci_low"] < row["bandwidth_mbit_s"] < row["ci_high"] == math.inf


def test_one_that_is_sooner_and_smaller_is_first_at_any_bandwidth():
    samples = first_packets({"docker-native": (1.0, 10.0), "osv-kvm": (3.0, 20.0)})
    (row,) = crossings(samples).to_dict("records")
    assert "docker-native starts no later than osv-kvm" in row["note"]
    assert math.isnan(row["bandwidth_mbit_s"])
    assert not row["changes_the_winner"]


def test_a_single_deployment_has_no_interval():
    samples = first_packets({"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)})
    (row,) = crossings(samples[samples["deployment"] == 1]).to_dict("records")
    assert row["bandwidth_mbit_s"] == pytest.approx(80 / 1.98)
    assert math.isnan(row["ci_low"])
    assert "no interval" in row["note"]


def test_the_fastest_ranges_are_those_of_a_search_over_all_bandwidths():
    rng = np.random.default_rng(1)
    for _ in range(50):
        drawn = {f"t{n}-kvm": tuple(rng.lognormal(0, 2, 2)) for n in range(6)}
        group = contenders_of(first_packets(drawn))["http"]
        found = time_to_first_packet.fastest_by_bandwidth(group)
        assert (found[0].low, found[-1].high) == (0, math.inf)
        assert all(a.high == b.low for a, b in itertools.pairwise(found))
        for bandwidth in rng.lognormal(0, 3, 20):
            (first,) = [one for one in found if one.low <= bandwidth < one.high]
            isolating = [one for one in group if one.isolates]
            searched = min(isolating, key=lambda one, at=bandwidth: one.time_s(at))
            assert first.platform == searched.platform


DOCKER_AND_OSV = {"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)}


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ({"linux-native": (0.004, 5.0)} | DOCKER_AND_OSV, ["osv-kvm", "docker-native"]),
        (
            {"linux-native": (0.1, 9.0), "docker-native": (1.0, 5.0)},
            ["docker-native", "linux-native"],
        ),
    ],
)
def test_a_plain_process_is_the_fastest_only_where_less_than_two_isolate(platforms, expected):
    samples = first_packets(platforms)
    ranges = time_to_first_packet.fastest_by_bandwidth(contenders_of(samples)["http"])
    assert [reign.platform for reign in ranges] == expected
    assert len(crossings(samples)) == math.comb(len(platforms), 2)


def test_services_are_separate_and_platforms_without_a_value_are_left_out():
    samples = first_packets({"docker-native": (1, 9), "osv-kvm": (3, 2)}, services=("http", "kv"))
    gone = (samples["platform"] == "osv-kvm") & (samples["metric"] == "image_size_kv_compressed")
    table = crossings(samples.assign(verdict=samples["verdict"].mask(gone, "invalid")))
    assert list(table["service"]) == ["http"]
