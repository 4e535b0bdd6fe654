# SPDX-License-Identifier: Apache-2.0
from featherbench.report.setup import tuning_in_force


def cells_with(make, tunings):
    """Make cells by platform and workload, each with the tuning that was read back."""
    return [
        make.cell((platform, workload, 1, 1), [], 0).model_copy(update={"tuning": tuning})
        for (platform, workload), tuning in tunings.items()
    ]


def test_one_tuning_for_all_is_told_with_its_platforms_alone(make):
    both = {(name, "http"): {"nofile": "1"} for name in ("linux-native", "docker-native")}
    assert tuning_in_force(cells_with(make, both)) == [
        ("linux-native, docker-native", "nofile: '1'\n")
    ]


def test_of_the_levels_connections_the_most_are_told_once(make):
    cells = [
        make.cell(("linux-native", "http", deployment, level), [], 0).model_copy(
            update={"tuning": {"nofile": "1", "open connections": f"{level + 8}"}}
        )
        for deployment in (1, 2)
        for level in (1000, 1, 200)
    ]
    assert tuning_in_force(cells) == [("linux-native", "nofile: '1'\nopen connections: '1008'\n")]


def test_tunings_that_differ_between_workloads_say_which_they_are_of(make):
    platforms = ("linux-native", "docker-native")
    served = {(name, service): {"nofile": "1"} for name in platforms for service in ("kv", "http")}
    pinged = {("linux-native", "latency"): {}}
    only = {("docker-native", "latency"): {"nofile": "1"}}
    found = tuning_in_force(cells_with(make, served | pinged | only))
    assert [names for names, _ in found] == [
        "linux-native for http, kv; docker-native for http, kv, latency",
        "linux-native for latency",
    ]
