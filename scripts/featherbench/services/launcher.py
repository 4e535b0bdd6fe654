# SPDX-License-Identifier: Apache-2.0
"""The services under test: how each is started inside an instance, and where it listens.

The same launcher starts them on every platform that uses this repository's root file system. It
writes what depends on the address to SCRATCH, the only folder that an instance may write to.
"""

from collections.abc import Sequence

from featherbench.contracts.bench import Bench
from featherbench.contracts.technology import LISTEN_ADDRESS, Probe, StartRequest

LAUNCHER = "/usr/local/bin/featherbench-serve"
PROBE = "/usr/local/bin/featherbench-probe"
SCRATCH = "/run/featherbench"
PORTS = {"http": 18080, "kv": 16379}
"""Not the usual ones, which the machine's own nginx or Redis may use."""

DISCARD_PORT = 9
"""RFC 863: nobody waits for its packets."""

SERVICE_UID = 33
"""www-data in every Debian root file system: services never run as root."""


def serve_command(service: str) -> tuple[str, ...]:
    """Return the command that serves `service` inside an instance."""
    return (LAUNCHER, service, LISTEN_ADDRESS, str(PORTS[service]))


def with_address(command: Sequence[str], address: str) -> list[str]:
    """Return a command with the address that the service must listen on."""
    return [word.replace(LISTEN_ADDRESS, address) for word in command]


def probe_command(probe: Probe) -> tuple[str, ...]:
    """Return the command that sends one UDP packet with the nonce of `probe`."""
    return (PROBE, probe.address, str(probe.port), probe.nonce)


def request_to_stay(bench: Bench, service: str, *, memory_mib: int | None = None) -> StartRequest:
    """Return the request of a service, or of the probe, which sends to the discard port."""
    if service in PORTS:
        command, port, probe = serve_command(service), PORTS[service], None
    else:
        address = bench.placement.callback_address
        probe, port = Probe(address=address, port=DISCARD_PORT, nonce="up"), None
        command = probe_command(probe)
    return bench.request(service, command, port, probe=probe, memory_mib=memory_mib)
