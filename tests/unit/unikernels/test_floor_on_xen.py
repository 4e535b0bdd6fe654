# SPDX-License-Identifier: Apache-2.0
"""The kernel `floor` as a guest of Xen: rings, messages to xenstore, clock, card."""

import ctypes
import random
import struct
import subprocess

import pytest

from builders import ran
from featherbench.paths import RESOURCES

SOURCE = RESOURCES / "unikernels/floor/source"
STRICT = ("-std=c17", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
READ, WATCH, WRITE = 2, 4, 11
LARGEST = 2**32 - 1


class ByteRing(ctypes.Structure):
    _fields_ = (
        ("bytes", ctypes.c_void_p),
        ("size", ctypes.c_uint32),
        ("put", ctypes.POINTER(ctypes.c_uint32)),
        ("taken", ctypes.POINTER(ctypes.c_uint32)),
    )


class Ring(ctypes.Structure):
    names = ("requests", "request_event", "responses", "response_event")
    _fields_ = (*((name, ctypes.c_uint32) for name in names), ("unused", ctypes.c_uint8 * 48))


class TimeInfo(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("tsc", ctypes.c_uint64),
        ("ns", ctypes.c_uint64),
        ("multiplier", ctypes.c_uint32),
        ("shift", ctypes.c_int8),
        ("rest", ctypes.c_uint8 * 3),
    )


@pytest.fixture(scope="module")
def floor(tmp_path_factory):
    library = tmp_path_factory.mktemp("floor") / "floor.so"
    names = ("ring.c", "store_message.c", "text.c", "xen_clock.c")
    sources = [SOURCE / name for name in names]
    build = ["gcc", *STRICT, "-Wconversion", "-shared", "-fPIC", *sources, "-o", library]
    subprocess.run(build, check=True)
    loaded = ctypes.CDLL(str(library))
    for name in ("put_bytes", "take_bytes", "store_message"):
        getattr(loaded, name).restype = ctypes.c_size_t
    for name in ("hand_over", "has_response", "read_mac"):
        getattr(loaded, name).restype = ctypes.c_bool
    loaded.write_number.restype = ctypes.c_char_p
    loaded.clock_ns.restype = ctypes.c_uint64
    return loaded


# --- rings ---------------------------------------------------------------------------------------


@pytest.fixture
def byte_ring(floor):
    """Give a function that makes a ring of 16 bytes, with its counts, and what puts and takes."""

    def made(start):
        memory = (ctypes.c_uint8 * 16)()
        put, taken = ctypes.c_uint32(start), ctypes.c_uint32(start)
        where = (ctypes.pointer(put), ctypes.pointer(taken))
        ring = ByteRing(ctypes.addressof(memory), 16, *where)
        ring.kept = (memory, put, taken)

        def write(data):
            return floor.put_bytes(ctypes.byref(ring), data, ctypes.c_size_t(len(data)))

        def read(most):
            into = ctypes.create_string_buffer(most)
            count = floor.take_bytes(ctypes.byref(ring), into, ctypes.c_size_t(most))
            return into.raw[:count]

        return ring, write, read

    return made


@pytest.mark.parametrize("start", [0, 9, LARGEST - 5])
def test_bytes_in_a_ring_come_out_unchanged_wherever_it_wraps(byte_ring, start):
    _, write, read = byte_ring(start)
    chance, sent, got = random.Random(start), b"", b""
    for _ in range(300):
        data = chance.randbytes(chance.randrange(20))
        sent += data[: write(data)]
        got += read(chance.randrange(20))
    got += read(16)
    assert len(sent) > 1000
    assert got == sent


def test_a_full_ring_takes_nothing_and_an_empty_one_returns_nothing(byte_ring):
    _, write, read = byte_ring(LARGEST)
    assert read(4) == b""
    assert write(bytes(range(20))) == 16
    assert write(b"x") == 0
    assert read(20) == bytes(range(16))


def test_invalid_counts_of_the_other_side_do_not_extend_a_ring(byte_ring):
    ring, write, read = byte_ring(0)
    ring.put.contents.value = 1000
    assert write(b"x") == 0
    assert len(read(100)) == 16


@pytest.mark.parametrize(
    ("event", "before", "made", "must_tell"),
    [
        (1, 0, 1, True),
        (1, 0, 5, True),
        (5, 0, 5, True),
        (6, 0, 5, False),
        (1, 1, 2, False),
        (0, 0, 1, False),
        (2, LARGEST, 3, True),
        (LARGEST, LARGEST - 1, 0, True),
        (LARGEST - 1, LARGEST - 1, 0, False),
    ],
)
def test_the_other_side_is_notified_when_it_requested_it(floor, event, before, made, must_tell):
    ring = Ring(requests=before, request_event=event)
    assert floor.hand_over(ctypes.byref(ring), ctypes.c_uint32(made)) == must_tell
    assert ring.requests == made


def test_it_sees_responses_and_requests_the_next_notification(floor):
    ring = Ring(responses=0)
    assert floor.has_response(ctypes.byref(ring), ctypes.c_uint32(LARGEST))
    assert not floor.has_response(ctypes.byref(ring), ctypes.c_uint32(0))
    floor.be_told_of_next(ctypes.byref(ring), ctypes.c_uint32(7))
    assert ring.response_event == 8


# --- xenstore ------------------------------------------------------------------------------------


def message(floor, kind, folder, key, value):
    out = ctypes.create_string_buffer(b"\xee" * 513)
    words = (folder.encode(), key.encode(), value.encode())
    count = floor.store_message(kind, 77, *words, out)
    return out.raw[:count], out.raw


@pytest.mark.parametrize(
    ("kind", "value", "content"),
    [
        (READ, "", b"a/b\0"),
        (WRITE, "12", b"a/b\x0012"),
        (WRITE, "", b"a/b\0"),
        (WATCH, "t", b"a/b\0t\0"),
    ],
)
def test_its_messages_to_xenstore_are_valid(floor, kind, value, content):
    head = struct.pack("<IIII", kind, 77, 0, len(content))
    assert message(floor, kind, "a", "b", value)[0] == head + content


def test_a_message_that_is_too_long_for_xenstore_is_not_sent(floor):
    longest = 512 - 16 - len("a/") - 1
    assert len(message(floor, READ, "a", "k" * longest, "")[0]) == 512
    none, written = message(floor, READ, "a", "k" * (longest + 1), "")
    assert none == b""
    assert written[512:513] == b"\xee"


@pytest.mark.parametrize("number", [0, 7, 10, 99, 1024, LARGEST])
def test_it_writes_numbers(floor, number):
    room = ctypes.create_string_buffer(11)
    assert floor.write_number(ctypes.c_uint32(number), room) == str(number).encode()


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("00:16:3e:0a:Bc:ff", "00163e0abcff"),
        ("00:16:3e:0a:bc", None),
        ("00:16:3e:0a:bc:f", None),
        ("00:16:3e:0a:bc:fg", None),
        ("00:16:3e:0a:bc-ff", None),
        ("", None),
    ],
)
def test_it_reads_a_mac(floor, text, mac):
    at, found = ctypes.c_char_p(text.encode()), ctypes.create_string_buffer(6)
    assert floor.read_mac(ctypes.byref(at), found) == bool(mac)
    assert mac is None or found.raw.hex() == mac


# --- the clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hertz", "shift"), [(1_000_000_000, 1), (3_600_000_000, -1), (200_000_000, 3), (2**30, 0)]
)
def test_xens_clock_is_computed_from_the_processors(floor, hertz, shift):
    """By hand: ns since = ticks * 2^shift * multiplier / 2^32."""
    multiplier = round(10**9 / hertz / 2.0**shift * 2**32)
    told = TimeInfo(tsc=5 * hertz, ns=77, multiplier=multiplier, shift=shift)
    for seconds in (0, 1, 3600, 10**6):
        found = floor.clock_ns(ctypes.byref(told), ctypes.c_uint64((5 + seconds) * hertz))
        assert found - 77 == pytest.approx(seconds * 10**9, rel=1e-8, abs=1)


# --- the card ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_fake_xen(tmp_path_factory):
    """Give what the guest says to a xenstore, a console and a back that are made up."""
    program = tmp_path_factory.mktemp("floor") / "fake_xen"
    names = ("domain", "vif", "xenstore", "xen_console", "ring", "text", "store_message")
    sources = [*(SOURCE / f"{name}.c" for name in names), "tests/unit/unikernels/fake_xen.c"]
    build = ["gcc", *STRICT, *SANITIZERS, f"-I{SOURCE}", *sources, "-o", program]
    subprocess.run(build, check=True)

    def played(scenario):
        done = ran(program, scenario, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    return played


def test_it_publishes_its_rings_and_connects(on_fake_xen):
    front = "device/vif/0/"
    assert on_fake_xen("connects") == [
        f"{front}tx-ring-ref = 72",
        f"{front}rx-ring-ref = 73",
        f"{front}event-channel = 5",
        f"{front}request-rx-copy = 1",
        f"{front}feature-rx-notify = 1",
        f"{front}feature-no-csum-offload = 1",
        f"{front}state = 4",
        "connected: 00:16:3e:0a:0b:ff",
    ]


@pytest.mark.parametrize(
    "scenario", ["frames", "full", "odd ones", "much news", "sleeps", "suspend"]
)
def test_its_card_keeps_its_invariants(on_fake_xen, scenario):
    assert on_fake_xen(scenario)[-1].startswith("connected")


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        ("unplugged", "there is no network card: Xen has no device/vif/0"),
        ("without a MAC", "the network card has no MAC address"),
        ("stays apart", "the network card's back does not connect: its state is 2"),
        ("silent xenstore", "xenstore does not answer"),
        ("writes nothing", "xenstore does not let it write: EACCES"),
        ("a stranger", "the network card returned what it was not given"),
    ],
)
def test_it_writes_why_it_gives_up(on_fake_xen, scenario, why):
    assert on_fake_xen(scenario)[-1] == f"gave up: {why}"


# --- the domain ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "reason"), [("poweroff", 0), ("halt", 0), ("reboot", 1), ("asked early", 0)]
)
def test_it_obeys_and_acknowledges_a_shutdown(on_fake_xen, scenario, reason):
    assert on_fake_xen(scenario)[-2:] == ["control/shutdown = ", f"ended: {reason}"]


@pytest.mark.parametrize("scenario", ["talks", "stuck console"])
def test_its_last_output_is_read_before_it_ends_as_crashed(on_fake_xen, scenario):
    assert on_fake_xen(scenario) == ["ended: 3"]
