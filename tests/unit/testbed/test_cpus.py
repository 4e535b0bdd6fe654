# SPDX-License-Identifier: Apache-2.0

import pytest

from featherbench.errors import TestbedError
from featherbench.records.job_specs import TestbedSpec
from featherbench.testbed.cpus import choose, parse_cpu_list, read_siblings, split

# thread_siblings_list of real machines, by CPU
LAPTOP_4_CORES_8_THREADS = ["0,4", "1,5", "2,6", "3,7"] * 2
CLOUD_1_CORE_2_THREADS = ["0-1", "0-1"]
CLOUD_2_CORES = ["0", "1"]
CLOUD_3_CORES = ["0", "1", "2"]
HYBRID = ["0-1", "0-1", "2-3", "2-3", "4", "5", "6", "7"]


def siblings(lists):
    return {cpu: parse_cpu_list(text) for cpu, text in enumerate(lists)}


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", {0}), ("0-3,8\n", {0, 1, 2, 3, 8}), ("0,4", {0, 4}), ("", set())],
)
def test_cpu_lists_are_read_as_the_kernel_writes_them(text, cpus):
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize(
    ("lists", "client", "server", "shared"),
    [
        (LAPTOP_4_CORES_8_THREADS, (0, 1, 4, 5), (2, 3, 6, 7), "nothing"),
        (CLOUD_2_CORES, (0,), (1,), "nothing"),
        (CLOUD_3_CORES, (0, 1), (2,), "nothing"),
        (HYBRID, (0, 1, 2, 3, 4), (5, 6, 7), "nothing"),
        (CLOUD_1_CORE_2_THREADS, (0,), (1,), "core"),
        (["0"], (0,), (0,), "cpu"),
    ],
)
def test_cores_are_split_in_half(lists, client, server, shared):
    found = split(siblings(lists), range(len(lists)))
    assert (found.client, found.server, found.shared) == (client, server, shared)


@pytest.mark.parametrize("lists", [LAPTOP_4_CORES_8_THREADS, HYBRID])
def test_no_core_serves_both_sides(lists):
    topology = siblings(lists)
    found = split(topology, range(len(lists)))
    cores_of_server = {frozenset(topology[cpu]) for cpu in found.server}
    assert cores_of_server.isdisjoint({frozenset(topology[cpu]) for cpu in found.client})


def test_only_cpus_that_we_may_use_are_given_out():
    found = split(siblings(LAPTOP_4_CORES_8_THREADS), {1, 5, 6})
    assert {*found.client, *found.server} == {1, 5, 6}
    assert found.client == (1, 5)


def test_explicit_lists_are_taken_as_they_are():
    spec = TestbedSpec(server_cpus=(3,), client_cpus=(0, 1))
    found = choose(spec, siblings(LAPTOP_4_CORES_8_THREADS), range(8))
    assert (found.server, found.client, found.shared) == ((3,), (0, 1), "nothing")


def test_explicit_threads_of_one_core_are_told():
    spec = TestbedSpec(server_cpus=(0,), client_cpus=(4,))
    assert choose(spec, siblings(LAPTOP_4_CORES_8_THREADS), range(8)).shared == "core"


def test_a_side_on_auto_gets_what_the_other_leaves():
    topology = siblings(CLOUD_3_CORES)
    assert choose(TestbedSpec(server_cpus=(0,)), topology, range(3)).client == (1, 2)
    assert choose(TestbedSpec(client_cpus=(0,)), topology, range(3)).server == (1, 2)


@pytest.mark.parametrize(
    ("server", "client", "named"),
    [
        ((9,), "auto", "server_cpus: CPU 9"),
        ("auto", (0, 9), "client_cpus: CPU 9"),
        ((), "auto", "server_cpus: names no CPU"),
        ((0, 1), (1, 2), "both name CPU 1"),
        ((0, 1, 2), "auto", "client_cpus: no CPU is left"),
    ],
)
def test_lists_that_cannot_be_are_refused(server, client, named):
    spec = TestbedSpec(server_cpus=server, client_cpus=client)
    with pytest.raises(TestbedError, match=named):
        choose(spec, siblings(CLOUD_3_CORES), range(3))


def test_the_topology_is_read_of_cpus_that_are_online(tmp_path):
    (tmp_path / "online").write_text("0-2\n")
    for cpu, threads in {0: "0,2", 1: "1,3", 2: "0,2"}.items():
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{threads}\n")
    assert read_siblings(tmp_path) == {0: {0, 2}, 1: {1}, 2: {0, 2}}


def test_a_machine_without_topology_has_single_cores(tmp_path):
    (tmp_path / "online").write_text("0-1\n")
    assert read_siblings(tmp_path) == {0: {0}, 1: {1}}
