# SPDX-License-Identifier: Apache-2.0

from pathlib import Path

from featherbench.contracts.bench import Client


def test_a_program_runs_in_the_clients_network_on_its_cpus_with_its_limit():
    client = Client(
        address="198.18.0.2", cpus=(0, 2), namespace=Path("/run/netns/fb-client"), nofile=20000
    )
    assert client.command(["wrk", "-t1"]) == [
        *("nsenter", "--net=/run/netns/fb-client"),
        *("prlimit", "--nofile=20000:20000"),
        *("taskset", "-c", "0,2"),
        *("wrk", "-t1"),
    ]


def test_on_loopback_there_is_neither_namespace_nor_limit():
    client = Client(address="127.0.0.1", cpus=(1,), namespace=None, nofile=None)
    assert client.command(["true"]) == ["taskset", "-c", "1", "true"]


def test_the_output_comes_back():
    client = Client(address="127.0.0.1", cpus=(0,), namespace=None, nofile=64)
    done = client.run(["sh", "-c", "ulimit -n"], timeout_s=5)
    assert done.stdout == "64\n"
