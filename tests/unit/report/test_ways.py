# SPDX-License-Identifier: Apache-2.0
"""Platforms that are reached by different ways: eurosys21 compared a bridge with localhost."""

from types import SimpleNamespace

from featherbench.report.network_paths import differing


def platforms(**networks):
    return [
        SimpleNamespace(name=f"{name}-native", network=network)
        for name, network in networks.items()
    ]


def test_another_way_than_the_baselines_is_said():
    said = differing(platforms(linux="host", docker="nat", lxd="nat", osv="bridge"), "linux-native")
    assert "linux-native is reached at the host's own address" in said
    assert "docker-native, lxd-native through a published port" in said
    assert "osv-native over a bridge" in said


def test_one_way_needs_no_words():
    assert differing(platforms(linux="host", docker="host"), "linux-native") == ""


def test_without_the_baseline_nothing_is_compared():
    assert differing(platforms(docker="nat", lxd="bridge"), "linux-native") == ""


def test_a_plugins_own_way_is_named_as_it_names_it():
    said = differing(platforms(linux="host", mine="vsock"), "linux-native")
    assert "mine-native vsock" in said
