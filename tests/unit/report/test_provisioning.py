# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pandas as pd

from featherbench.report.time_to_first_packet import crossings, sentences

MIB_PER_MBIT = 1 / (8 * 1.048576)


def samples_of(platforms, *, deployments=3):
    """Samples of platforms by name: mean start in s, and compressed image in Mbit."""
    rows = [
        (name, "startup_time", n, start_s * (1 + 0.01 * n))
        for name, (start_s, _) in platforms.items()
        for n in range(-1, deployments - 1)
    ] + [
        (name, "image_size_kv_compressed", 1, image_mbit * MIB_PER_MBIT)
        for name, (_, image_mbit) in platforms.items()
    ]
    table = pd.DataFrame(rows, columns=["platform", "metric", "deployment", "value"])
    names = table["platform"].str.split("-", expand=True)
    return table.assign(technology=names[0], hypervisor=names[1], verdict="ok")


def test_who_is_first_is_said_from_slow_links_to_fast_ones():
    samples = samples_of({"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)})
    (said,) = sentences(samples)
    assert said.startswith("kv image: osv-kvm is first on the slowest links, from 40 Mbit/s on (95")
    assert said.endswith(") docker-native")


def test_a_plain_process_is_named_and_not_counted():
    (said,) = sentences(
        samples_of({"linux-native": (0.01, 5), "docker-native": (1, 90), "osv-kvm": (3, 20)})
    )
    assert "not counting linux-native, which does not isolate" in said
    assert "linux-native is first" not in said


def test_one_that_is_always_first_is_said_to_be():
    assert sentences(samples_of({"docker-native": (1.0, 10.0), "osv-kvm": (3.0, 20.0)})) == (
        "kv image: docker-native is first at any bandwidth",
    )


def test_what_has_no_interval_is_given_without_one():
    platforms = {"docker-native": (1.0, 100.0), "osv-kvm": (3.0, 20.0)}
    (said,) = sentences(samples_of(platforms, deployments=1))
    assert "interval" not in said
    assert "Mbit/s on docker-native" in said


def test_every_pair_is_in_the_table():
    (table,) = crossings(
        samples_of({"linux-native": (0.01, 5), "docker-native": (1, 90), "osv-kvm": (3, 20)})
    )
    assert len(table.rows) == 3


def test_without_two_platforms_there_is_nothing_to_say():
    for samples in (pd.DataFrame(), samples_of({"docker-native": (1.0, 10.0)})):
        assert sentences(samples) == ()
        assert crossings(samples) == ()


def test_those_that_cannot_be_told_from_the_first_are_named_with_it():
    platforms = {
        "docker-native": (1.000, 10.0),
        "docker-native+host": (1.001, 10.0),
        "docker-native+slow": (2.0, 10.0),
    }
    assert sentences(samples_of(platforms)) == (
        "kv image: docker-native (not told from docker-native+host) is first at any bandwidth",
    )
