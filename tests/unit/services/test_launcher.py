# SPDX-License-Identifier: Apache-2.0
"""The commands that start services and the probe."""

from featherbench.contracts.technology import Probe
from featherbench.services import launcher


def test_a_service_listens_at_the_address_that_the_driver_fills_in():
    command = launcher.serve_command("http")
    assert command == ("/usr/local/bin/featherbench-serve", "http", "{address}", "18080")
    assert launcher.with_address(command, "198.18.0.1")[2:] == ["198.18.0.1", "18080"]


def test_the_probes_packet_is_its_arguments():
    probe = Probe(address="198.18.0.1", port=4000, nonce="n")
    assert launcher.probe_command(probe)[1:] == ("198.18.0.1", "4000", "n")


def test_a_service_that_stays_listens_at_its_port(bench_for):
    request = launcher.request_to_stay(bench_for("kv"), "kv", memory_mib=64)
    assert (request.service, request.port, request.probe) == ("kv", 16379, None)
    assert request.memory_mib == 64


def test_a_probe_that_stays_sends_its_packet_to_the_discard_port(bench_for):
    bench = bench_for("startup")
    request = launcher.request_to_stay(bench, "startup")
    assert (request.probe.address, request.probe.port) == ("198.18.0.1", 9)
    assert request.command == launcher.probe_command(request.probe)
    assert request.port is None
