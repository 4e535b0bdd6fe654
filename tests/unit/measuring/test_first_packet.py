# SPDX-License-Identifier: Apache-2.0
"""The first packet and its timestamp."""

import socket
import time

import pytest

from featherbench.measuring.first_packet import SENDER, Clocks, Receiver, listening
from featherbench.system.polling import wait_until


@pytest.fixture
def listener():
    with listening("127.0.0.1", "nonce") as listener:
        yield listener


def send(listener, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), ("127.0.0.1", listener.port))


def stamp_ns(receiver):
    return wait_until(receiver.stamp_ns, what="the packet", within_s=5)


def test_without_a_packet_there_is_no_timestamp(listener):
    assert listener.stamp_ns() is None


def test_the_stamp_is_of_the_arrival_not_of_the_reading(listener):
    before_ns = time.time_ns()
    send(listener, "nonce")
    sent_ns = time.time_ns()
    wait_until(lambda: time.time_ns() > sent_ns + 300_000_000, what="a while", within_s=5)
    assert before_ns - 1_000_000 <= stamp_ns(listener) <= sent_ns + 200_000_000


def test_late_packets_of_other_starts_are_ignored_and_counted(listener):
    for text in ("another", "nonce2", ""):
        send(listener, text)
    send(listener, "nonce")
    assert stamp_ns(listener)
    assert listener.foreign_packets == 3


def test_the_clocks_are_read_together():
    first, second = Clocks.read(), Clocks.read()
    assert abs(second.offset_ns - first.offset_ns) < 1_000_000


def test_only_frames_of_the_awaited_sender_count(listener):
    watcher = Receiver(socket=listener.socket, expected=b"OURMAC", part=SENDER)
    send(listener, "everyoTHEIRSbody")
    assert watcher.stamp_ns() is None
    send(listener, "everyoOURMACbody")
    assert stamp_ns(watcher)
