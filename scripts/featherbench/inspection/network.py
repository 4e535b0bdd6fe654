# SPDX-License-Identifier: Apache-2.0
"""What lies in the path of a packet, and whether our ports are free."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from featherbench.inspection.check import MachineProperty, missing_if, noisy_if
from featherbench.services.launcher import PORTS
from featherbench.system import procfs

if TYPE_CHECKING:
    from featherbench.inspection.check import Surroundings
    from featherbench.records.machine import Judgement


class FreePorts(MachineProperty[tuple[str, frozenset[int]]]):
    """The ports that the services under test listen on."""

    name = "free ports"
    advice = ""

    def read(self, where: Surroundings) -> tuple[str, frozenset[int]] | None:
        """Find which of ours somebody else has on the server's address."""
        taken = procfs.listening_ports(where.root, where.address)
        return where.address, taken & frozenset(PORTS.values())

    def judge(self, value: tuple[str, frozenset[int]]) -> Judgement:
        """Ask that none is taken."""
        return missing_if(bool(value[1]))

    def show(self, value: tuple[str, frozenset[int]]) -> str:
        """Name them."""
        address, taken = value
        free = sorted(frozenset(PORTS.values()) - taken)
        parts = [f"{ports} {state}" for ports, state in ((free, "free"), (sorted(taken), "taken"))
                 if ports]  # fmt: skip
        return f"{address}: " + ", ".join(parts).replace("[", "").replace("]", "")

    def advise(self, value: tuple[str, frozenset[int]]) -> str:
        """Say how to find who has them."""
        ports = ", ".join(map(str, sorted(value[1])))
        ours = "`python -m featherbench clean` ends ours"
        return f"end what listens on {ports}: `ss -ltnp` names it, {ours}"


class Switch(MachineProperty[bool]):
    """A sysctl that is on or off, or absent."""

    sysctl: ClassVar[str]

    def read(self, where: Surroundings) -> bool | None:
        """Read it; absent is off, since the module behind it is not loaded."""
        return procfs.sysctl(where.root, self.sysctl) == "1"

    def show(self, value: bool) -> str:  # noqa: FBT001 - the contract's
        """Say on or off."""
        return "on" if value else "off"


class Forwarding(Switch):
    """Whether the host passes packets on, as containers behind NAT need."""

    name = "IP forwarding"
    sysctl = "net.ipv4.ip_forward"
    advice = ""

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001, ARG002 - recorded, not judged
        """Judge nothing: Docker switches it on, and no one else needs it."""
        return noisy_if(bad=False)


class BridgeFiltering(Switch):
    """Whether packets on a bridge pass iptables: it slows whatever is bridged."""

    name = "bridge-nf-call-iptables"
    sysctl = "net.bridge.bridge-nf-call-iptables"
    advice = "Docker switches it on; every bridged packet pays for it, and the record says so"

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001 - the contract's
        """Ask for off."""
        return noisy_if(value)


class ConnectionTracking(MachineProperty[bool]):
    """Whether the kernel follows every connection: the native baseline pays for it, too."""

    name = "connection tracking"
    advice = "comes with NAT, that is with Docker; the native baseline pays for it as well"

    def read(self, where: Surroundings) -> bool | None:
        """See whether its sysctls are there: they come and go with it."""
        return procfs.sysctl(where.root, "net.netfilter.nf_conntrack_max") is not None

    def judge(self, value: bool) -> Judgement:  # noqa: FBT001 - the contract's
        """Ask for none."""
        return noisy_if(value)

    def show(self, value: bool) -> str:  # noqa: FBT001 - the contract's
        """Say whether it is loaded."""
        return "loaded" if value else "not loaded"


class DockerState(MachineProperty[str]):
    """Docker merely installed slows the native baseline: bridge, conntrack, br_netfilter."""

    name = "Docker"
    advice = "its bridge and its firewall rules lie in the baseline's path: the record says so"

    def read(self, where: Surroundings) -> str | None:
        """See whether its program, and its socket, are there."""
        if any((where.root / path).exists() for path in ("run/docker.sock", "var/run/docker.sock")):
            return "running"
        programs = ("usr/bin/dockerd", "usr/sbin/dockerd", "usr/local/bin/dockerd")
        installed = any((where.root / path).exists() for path in programs)
        return "installed, not running" if installed else "not installed"

    def judge(self, value: str) -> Judgement:
        """Note that it runs."""
        return noisy_if(value == "running")
