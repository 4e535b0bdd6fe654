# SPDX-License-Identifier: Apache-2.0

import pytest

from featherbench.errors import TestbedError
from featherbench.records.job_specs import TestbedSpec
from featherbench.system.procfs import parse_cpu_list
from featherbench.testbed.cpus import choose, split

# thread_siblings_list of real machines, by CPU
LAPTOP_4_CORES_8_THREADS = ["0,4", "1,5", "2,6", "3,7"] * 2
CLOUD_1_CORE_2_THREADS = ["0-1", "0-1"]
CLOUD_2_CORES = ["0", "1"]
CLOUD_3_CORES = ["0", "1", "2"]
ONE_FAST_CORE = ["0-1", "0-1", "2", "3"]
HYBRID = ["0-1", "0-1", "2-3", "2-3", "4", "5", "6", "7"]


def cores_of(lists, usable=None):
    """Map each CPU to those of its core, as `Machine.cores` does."""
    cores = {cpu: parse_cpu_list(text) for cpu, text in enumerate(lists)}
    return {cpu: cores[cpu] for cpu in usable or cores}


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
    cpus = split(cores_of(lists))
    assert (cpus.client, cpus.server, cpus.shared) == (client, server, shared)


@pytest.mark.parametrize("lists", [LAPTOP_4_CORES_8_THREADS, HYBRID])
def test_no_core_serves_both_sides(lists):
    topology = cores_of(lists)
    cpus = split(topology)
    cores_of_server = {frozenset(topology[cpu]) for cpu in cpus.server}
    assert cores_of_server.isdisjoint({frozenset(topology[cpu]) for cpu in cpus.client})


def test_only_cpus_that_we_may_use_are_given_out():
    cpus = split(cores_of(LAPTOP_4_CORES_8_THREADS, {1, 5, 6}))
    assert {*cpus.client, *cpus.server} == {1, 5, 6}
    assert cpus.client == (1, 5)


@pytest.mark.parametrize(
    ("lists", "kinds", "client", "server"),
    [
        (HYBRID, ["0-3", "4-7"], (0, 1), (2, 3)),
        (ONE_FAST_CORE, ["0-1", "2-3"], (2,), (3,)),
        (["0", "1", "2", "3"], ["3", "1-2", "0"], (1,), (2,)),
        (CLOUD_2_CORES, ["0", "1"], (0,), (1,)),  # no kind has two
        (HYBRID, [], (0, 1, 2, 3, 4), (5, 6, 7)),
    ],
)
def test_both_sides_get_cores_of_the_fastest_kind_that_has_two(lists, kinds, client, server):
    cpus = split(cores_of(lists), list(map(parse_cpu_list, kinds)))
    assert (cpus.client, cpus.server) == (client, server)


def test_a_side_on_auto_gets_the_kind_of_the_other():
    topology, kinds = cores_of(HYBRID), [frozenset({0, 1, 2, 3}), frozenset({4, 5, 6, 7})]
    assert choose(TestbedSpec(server_cpus=(0, 1)), topology, kinds).client == (2, 3)
    assert choose(TestbedSpec(client_cpus=(4,)), topology, kinds).server == (5, 6, 7)
    assert choose(TestbedSpec(server_cpus=(0, 1, 2, 3)), topology, kinds).client == (4, 5, 6, 7)


def test_explicit_lists_are_taken_as_they_are_and_threads_of_one_core_are_reported():
    spec = TestbedSpec(server_cpus=(3,), client_cpus=(0, 1))
    cpus = choose(spec, cores_of(LAPTOP_4_CORES_8_THREADS))
    assert (cpus.server, cpus.client, cpus.shared) == ((3,), (0, 1), "nothing")
    threads = TestbedSpec(server_cpus=(0,), client_cpus=(4,))
    assert choose(threads, cores_of(LAPTOP_4_CORES_8_THREADS)).shared == "core"


def test_a_side_on_auto_gets_what_the_other_leaves():
    topology = cores_of(CLOUD_3_CORES)
    assert choose(TestbedSpec(server_cpus=(0,)), topology).client == (1, 2)
    assert choose(TestbedSpec(client_cpus=(0,)), topology).server == (1, 2)


@pytest.mark.parametrize(
    ("server", "client", "named"),
    [
        ((9,), "auto", "server_cpus: CPU 9"),
        ("auto", (0, 9), "client_cpus: CPU 9"),
        ((0, 1), (1, 2), "both name CPU 1"),
        ((0, 1, 2), "auto", "client_cpus: no CPU is left"),
    ],
)
def test_lists_that_cannot_be_are_refused(server, client, named):
    spec = TestbedSpec(server_cpus=server, client_cpus=client)
    with pytest.raises(TestbedError, match=named):
        choose(spec, cores_of(CLOUD_3_CORES))
