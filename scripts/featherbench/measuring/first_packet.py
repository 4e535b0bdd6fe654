# SPDX-License-Identifier: Apache-2.0
"""Receives the first packet of an instance, with the kernel's timestamp.

That is the packet with this start's nonce or, if the image sends none, the first frame of any kind.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

SO_TIMESTAMPNS = 35
"""See socket(7); Python has no name for it. The same number marks the received timestamp."""
TIMESPEC = struct.Struct("@ll")
PACKET_BYTES = 2048
ALL_PROTOCOLS = 0x0003
"""ETH_P_ALL, for packet(7)."""
ALL, SENDER, PORTS = slice(None), slice(6, 12), slice(34, 38)
"""Of a UDP packet's content, and of an Ethernet frame."""
DHCP_PORTS = bytes((0, 68, 0, 67))
"""From the client's to the server's (RFC 2131)."""


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """Both clocks at one moment, in nanoseconds; packets are stamped by the wall clock."""

    monotonic_ns: int
    realtime_ns: int

    @classmethod
    def read(cls) -> Clocks:
        """Read both clocks, one right after the other: of three times, the fastest."""
        _, clocks = min(cls._timed() for _ in range(3))
        return cls(monotonic_ns=clocks[0], realtime_ns=clocks[1])

    @staticmethod
    def _timed() -> tuple[int, tuple[int, int]]:
        before_ns, realtime_ns = time.monotonic_ns(), time.time_ns()
        return time.monotonic_ns() - before_ns, (before_ns, realtime_ns)

    @property
    def offset_ns(self) -> int:
        """How far the wall clock is ahead of the monotonic one."""
        return self.realtime_ns - self.monotonic_ns


@dataclass(kw_only=True)
class Receiver:
    """Receives the first packet with `expected` in that `part`; all others are foreign."""

    socket: socket.socket
    expected: bytes
    part: slice
    foreign_packets: int = field(default=0, init=False)

    @property
    def port(self) -> int:
        """The UDP port that it listens on."""
        return int(self.socket.getsockname()[1])

    def stamp_ns(self) -> int | None:
        """Return the timestamp of the packet; None if it has not arrived."""
        while received := _received(self.socket):
            if received[0][self.part] == self.expected:
                return received[1]
            self.foreign_packets += 1
        return None


def _received(receiver: socket.socket) -> tuple[bytes, int] | None:
    """Return the next packet and its timestamp; None if there is none."""
    try:
        data, ancillary, _, _ = receiver.recvmsg(PACKET_BYTES, socket.CMSG_SPACE(TIMESPEC.size))
    except BlockingIOError:
        return None
    ((_, _, stamp),) = ancillary
    seconds, nanoseconds = TIMESPEC.unpack(stamp)
    return data, int(seconds) * 1_000_000_000 + int(nanoseconds)


@contextmanager
def listening(address: str, nonce: str) -> Iterator[Receiver]:
    """Listen on a free UDP port of `address`; packets of other starts have other nonces."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        receiver.bind((address, 0))
        yield Receiver(socket=receiver, expected=nonce.encode(), part=ALL)


def watching(interface: str, mac: str) -> AbstractContextManager[Receiver]:
    """Watch an interface of this machine for frames from `mac`. Needs root."""
    return _watching(interface, bytes.fromhex(mac.replace(":", "")), SENDER)


def watching_for_dhcp(interface: str) -> AbstractContextManager[Receiver]:
    """Watch an interface of this machine for requests for an address by DHCP. Needs root."""
    return _watching(interface, DHCP_PORTS, PORTS)


@contextmanager
def _watching(interface: str, expected: bytes, part: slice) -> Iterator[Receiver]:
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_PACKET, kind, socket.htons(ALL_PROTOCOLS)) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        receiver.bind((interface, ALL_PROTOCOLS))
        yield Receiver(socket=receiver, expected=expected, part=part)
