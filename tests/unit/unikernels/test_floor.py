# SPDX-License-Identifier: Apache-2.0
"""The kernel `floor`: its packets and its arguments, compiled for this machine."""

import ctypes
import struct
import subprocess

import pytest

from builders import ran
from featherbench.paths import RESOURCES

SOURCE = RESOURCES / "unikernels/floor/source"
FRAME_BYTES = 1514
MAC = bytes.fromhex("525400010203")
PEER = bytes.fromhex("020000000009")
EVERYBODY = b"\xff" * 6
US, GATEWAY = bytes([198, 18, 2, 2]), bytes([198, 18, 2, 1])
STRICT = ("-std=c17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wconversion")


class Station(ctypes.Structure):
    _fields_ = (("mac", ctypes.c_uint8 * 6), ("address", ctypes.c_uint32))


class Destination(ctypes.Structure):
    _fields_ = (
        ("mac", ctypes.c_uint8 * 6),
        ("address", ctypes.c_uint32),
        ("port", ctypes.c_uint16),
    )


class Arguments(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("address", "mask", "gateway", "target")),
        ("port", ctypes.c_uint16),
        ("nonce_bytes", ctypes.c_uint16),
        ("nonce", ctypes.c_char * 64),
    )


@pytest.fixture(scope="module")
def floor(tmp_path_factory):
    library = tmp_path_factory.mktemp("floor") / "floor.so"
    sources = [SOURCE / name for name in ("packets.c", "arguments.c", "text.c")]
    subprocess.run(["gcc", *STRICT, "-shared", "-fPIC", *sources, "-o", library], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.read_arguments.restype = ctypes.c_char_p
    for name in ("answer", "ask_for_mac", "datagram"):
        getattr(loaded, name).restype = ctypes.c_size_t
    loaded.checksum.restype = ctypes.c_uint16
    loaded.tells_mac.restype = ctypes.c_bool
    return loaded


@pytest.fixture(scope="module")
def answer(floor):
    """Give what the guest sends back for a frame."""
    us = Station((ctypes.c_uint8 * 6)(*MAC), int.from_bytes(US, "big"))

    def answered(frame):
        reply = ctypes.create_string_buffer(FRAME_BYTES)
        count = floor.answer(ctypes.byref(us), frame, ctypes.c_size_t(len(frame)), reply)
        return reply.raw[:count]

    return answered


def checksum(data):
    """RFC 1071, written anew: the sum of 16-bit words, carries added at the end."""
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def summed(data, at):
    return data[:at] + struct.pack(">H", checksum(data)) + data[at + 2 :]


def arp(operation=1, target=US):
    head = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
    return EVERYBODY + PEER + b"\x08\x06" + head + PEER + GATEWAY + bytes(6) + target


def echo(content=b"abc", *, to=MAC, kind=8, fragment=0, first=0x45, extra=b"", target=US):
    icmp = summed(struct.pack(">BBHHH", kind, 0, 0, 7, 1) + content, 2)
    ip = struct.pack(">BBHHHBBH", first, 0, 20 + len(icmp), 9, fragment, 64, 1, 0)
    return to + PEER + b"\x08\x00" + summed(ip + GATEWAY + target, 10) + icmp + extra


def test_it_answers_arp_requests_for_its_address(answer):
    said = answer(arp())
    assert said[:14] == PEER + MAC + b"\x08\x06"
    assert said[20:] == b"\x00\x02" + MAC + US + PEER + GATEWAY


@pytest.mark.parametrize("content", [b"", b"x", b"abc", bytes(1472)])
def test_it_answers_pings(answer, content):
    said = answer(echo(content))
    assert said[:14] == PEER + MAC + b"\x08\x00"
    assert checksum(said[14:34]) == 0
    assert said[26:34] == US + GATEWAY
    assert checksum(said[34:]) == 0
    assert said[34:36] == b"\0\0"
    assert said[38:] == echo(content)[38:]


def test_the_padding_of_a_short_frame_is_not_returned(answer):
    assert answer(echo(extra=bytes(15))) == answer(echo())


UNANSWERED = {
    "ARP for another address": arp(target=bytes([198, 18, 2, 3])),
    "a reply of ARP": arp(operation=2),
    "ARP that is cut short": arp()[:-1],
    "a group's address as the asker's": arp().replace(PEER, b"\x01" * 6),
    "a ping of another station": echo(to=PEER),
    "a ping of another address": echo(target=GATEWAY),
    "a reply to a ping": echo(kind=0),
    "more fragments": echo(fragment=0x2000),
    "a later fragment": echo(fragment=1),
    "options": echo(first=0x46),
    "version 6": echo(first=0x65),
    "a ping that is cut short": echo(b"abcd")[:-1],
    "a wrong checksum of ICMP": echo()[:-3] + b"abd",
    "a wrong checksum of IP": echo()[:22] + b"\x41" + echo()[23:],
    "longer than the frame by its header": echo()[:16] + b"\xff\xff" + echo()[18:],
    "from a group": echo().replace(GATEWAY, bytes([224, 0, 0, 1])),
    "nothing": b"",
}


@pytest.mark.parametrize("frame", UNANSWERED.values(), ids=UNANSWERED)
def test_it_answers_nothing_else(answer, frame):
    assert answer(frame) == b""


def test_its_datagram_is_valid(floor):
    us = Station((ctypes.c_uint8 * 6)(*MAC), int.from_bytes(US, "big"))
    to = Destination((ctypes.c_uint8 * 6)(*PEER), 0xC6120001, 4242)
    out = ctypes.create_string_buffer(FRAME_BYTES)
    count = floor.datagram(ctypes.byref(us), ctypes.byref(to), b"nonce", ctypes.c_size_t(5), out)
    frame = out.raw[:count]
    pseudo = frame[26:34] + struct.pack(">HH", 17, len(frame) - 34)
    assert frame[:14] == PEER + MAC + b"\x08\x00"
    assert checksum(frame[14:34]) == 0
    assert checksum(pseudo + frame[34:]) == 0
    assert frame[36:40] == struct.pack(">HH", 4242, 13)
    assert frame[42:] == b"nonce"


def test_a_datagram_that_is_too_long_is_not_made(floor):
    us, to = Station(), Destination()
    out = ctypes.create_string_buffer(FRAME_BYTES)
    size = ctypes.c_size_t(FRAME_BYTES - 42 + 1)
    assert floor.datagram(ctypes.byref(us), ctypes.byref(to), bytes(2000), size, out) == 0


def test_it_sends_arp_requests_and_reads_replies(floor):
    us = Station((ctypes.c_uint8 * 6)(*MAC), int.from_bytes(US, "big"))
    out, mac = ctypes.create_string_buffer(FRAME_BYTES), ctypes.create_string_buffer(6)
    count = floor.ask_for_mac(ctypes.byref(us), 0xC6120201, out)
    assert out.raw[:count] == arp().replace(PEER, MAC).replace(GATEWAY, US)[:38] + GATEWAY
    reply = arp(operation=2)
    size = ctypes.c_size_t(len(reply))
    assert floor.tells_mac(reply, size, 0xC6120201, mac)
    assert mac.raw == PEER
    assert not floor.tells_mac(reply, size, 0xC6120202, mac)


@pytest.mark.parametrize("size", [0, 1, 2, 20, 1499, 1500])
def test_its_checksum_is_the_internet_checksum(floor, size):
    data = bytes(number * 31 % 256 for number in range(size))
    assert floor.checksum(data, ctypes.c_size_t(size)) == checksum(data)


def read(floor, line):
    found = Arguments()
    wrong = floor.read_arguments(line.encode(), ctypes.byref(found))
    return found, (wrong or b"").decode()


def test_it_reads_its_arguments_in_any_order(floor):
    found, wrong = read(
        floor, " nonce=0a1b  address=198.18.2.2/25 target=198.18.0.1:4242 gateway=198.18.2.1"
    )
    assert not wrong
    assert (found.address, found.mask) == (0xC6120202, 0xFFFFFF80)
    assert (found.gateway, found.target, found.port) == (0xC6120201, 0xC6120001, 4242)
    assert found.nonce[: found.nonce_bytes] == b"0a1b"


@pytest.mark.parametrize(("prefix", "mask"), [(0, 0), (1, 1 << 31), (32, 0xFFFFFFFF)])
def test_every_prefix_has_its_mask(floor, prefix, mask):
    assert read(floor, f"address=198.18.2.2/{prefix}")[0].mask == mask


@pytest.mark.parametrize(
    "line",
    [
        "",
        "address=198.18.2.2",
        "address=198.18.2.256/25",
        "address=198.18.2/25",
        "address=198.18.2.2/33",
        "address=198.18.2.2/25x",
        "address=4294967298.18.2.2/25",
        "address=198.18.2.2/25 target=198.18.0.1:0 nonce=a",
        "address=198.18.2.2/25 target=198.18.0.1:65536 nonce=a",
        "address=198.18.2.2/25 target=198.18.0.1:1",
        "address=198.18.2.2/25 nonce=a",
        "address=198.18.2.2/25 nonce= target=198.18.0.1:1",
        "address=198.18.2.2/25 target=198.18.0.1:1 nonce=" + "a" * 65,
        "address=198.18.2.2/25 quiet",
    ],
)
def test_it_refuses_invalid_arguments(floor, line):
    assert read(floor, line)[1]


def test_no_input_makes_it_access_memory_out_of_bounds(tmp_path):
    program = tmp_path / "fuzz"
    sources = [SOURCE / name for name in ("packets.c", "arguments.c", "text.c")]
    sources.append("tests/unit/unikernels/fuzz_packets.c")
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    warn = ("-std=c17", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
    build = ["gcc", *warn, *sanitizers, f"-I{SOURCE}", *sources, "-o", program]
    subprocess.run(build, check=True)
    done = ran(program)
    assert done.returncode == 0, done.stdout + done.stderr
