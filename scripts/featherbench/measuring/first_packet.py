# SPDX-License-Identifier: Apache-2.0
"""Receives the packet by which an instance says that it is up, stamped by the kernel."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SO_TIMESTAMPNS = 35
"""See socket(7); Python has no name for it. The same number marks the stamp that comes along."""
TIMESPEC = struct.Struct("@ll")
PACKET_BYTES = 2048


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """Both clocks at one moment, in nanoseconds: the kernel stamps packets by the wall clock."""

    monotonic_ns: int
    realtime_ns: int

    @classmethod
    def read(cls) -> Clocks:
        """Read them, one right after the other."""
        return cls(monotonic_ns=time.monotonic_ns(), realtime_ns=time.time_ns())

    @property
    def offset_ns(self) -> int:
        """How far the wall clock is ahead of the monotonic one."""
        return self.realtime_ns - self.monotonic_ns


@dataclass(kw_only=True)
class Listener:
    """Waits for a packet with a certain nonce; others are late ones of earlier starts."""

    receiver: socket.socket
    foreign_packets: int = field(default=0, init=False)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.receiver.getsockname()[1])

    def stamp_ns(self, nonce: str) -> int | None:
        """Give when the packet with `nonce` came, by the wall clock; None when it has not yet."""
        while True:
            try:
                data, ancillary, _, _ = self.receiver.recvmsg(
                    PACKET_BYTES, socket.CMSG_SPACE(TIMESPEC.size)
                )
            except BlockingIOError:
                return None
            if data == nonce.encode():
                return _stamp_ns(ancillary)
            self.foreign_packets += 1


def _stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    ((_, _, stamp),) = ancillary
    seconds, nanoseconds = TIMESPEC.unpack(stamp)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


@contextmanager
def listening(address: str) -> Iterator[Listener]:
    """Listen for UDP packets on a free port of `address`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        receiver.setblocking(False)  # noqa: FBT003 - its only parameter
        receiver.bind((address, 0))
        yield Listener(receiver=receiver)
