# SPDX-License-Identifier: Apache-2.0
"""The server of the fake technology: its services in one small script, for tests.

    fake_server.py http ADDRESS PORT FILES DELAY_MS
    fake_server.py kv ADDRESS PORT FILES DELAY_MS
    fake_server.py probe ADDRESS PORT NONCE

It imports nothing from featherbench, because an image contains only this file.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

DOCUMENTS = "srv/featherbench/http"
PAYLOAD_BYTES = 1_150
END_OF_HEAD = b"\r\n\r\n"
END_OF_LINE = b"\r\n"

Answers = Callable[[bytearray], Iterator[bytes]]


def http_answers(documents: Mapping[bytes, bytes]) -> Answers:
    """Answer GET requests from `documents`; a connection stays open."""

    def answers(received: bytearray) -> Iterator[bytes]:
        while (end := received.find(END_OF_HEAD)) >= 0:
            path = bytes(received[:end]).split(b" ", 2)[1].partition(b"?")[0]
            del received[: end + len(END_OF_HEAD)]
            body = documents.get(path)
            status = b"404 Not Found" if body is None else b"200 OK"
            length = str(len(body or b"")).encode()
            yield b"HTTP/1.1 %b\r\nContent-Length: %b\r\n\r\n%b" % (status, length, body or b"")

    return answers


def read_command(received: bytearray) -> tuple[list[bytes], int] | None:
    """Read one RESP command, inline or as an array, and its length; None while incomplete."""
    head_end = received.find(END_OF_LINE)
    if head_end < 0:
        return None
    head, at = bytes(received[:head_end]), head_end + 2
    if not head.startswith(b"*"):
        return head.split(), at
    words = []
    for _ in range(int(head[1:])):
        end = received.find(END_OF_LINE, at)
        if end < 0:
            return None
        start, length = end + 2, int(received[at + 1 : end])
        if len(received) < start + length + 2:
            return None
        words.append(bytes(received[start : start + length]))
        at = start + length + 2
    return words, at


def kv_answers(store: dict[bytes, bytes]) -> Answers:
    """Answer PING, SET, GET and CONFIG, as many as are in the pipeline."""

    def reply(words: list[bytes]) -> bytes:
        match [words[0].upper(), *words[1:]]:
            case [b"PING"]:
                return b"+PONG\r\n"
            case [b"SET", key, value]:
                store[key] = value
                return b"+OK\r\n"
            case [b"GET", key]:
                held = store.get(key)
                return b"$-1\r\n" if held is None else b"$%d\r\n%b\r\n" % (len(held), held)
            case [b"CONFIG", _, key]:
                return b"*2\r\n$%d\r\n%b\r\n$0\r\n\r\n" % (len(key), key)
            case _:
                return b"-ERR unknown command\r\n"

    def answers(received: bytearray) -> Iterator[bytes]:
        while received and (command := read_command(received)):
            words, length = command
            del received[:length]
            yield reply(words)

    return answers


class Connection(asyncio.Protocol):
    """One client's connection: collects what arrives, sends what `answers` makes of it."""

    def __init__(self, answers: Answers, delay_s: float) -> None:
        self.answers, self.delay_s = answers, delay_s
        self.received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        reply = b"".join(self.answers(self.received))
        if reply and self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self.transport.write, reply)
        elif reply:
            self.transport.write(reply)


def documents_in(files: Path) -> dict[bytes, bytes]:
    """Map request paths to bodies; without any file there is a payload of the usual size."""
    folder = files / DOCUMENTS
    found = {
        b"/" + str(file.relative_to(folder)).encode(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    return {b"/payload": b"f" * PAYLOAD_BYTES} | found


async def serve(answers: Answers, address: str, port: int, delay_s: float) -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(answers, delay_s), address, port, backlog=1024, reuse_address=True
    )
    await server.serve_forever()


def probe(address: str, port: int, nonce: str) -> None:
    """Send the nonce, and stay until somebody ends us."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(nonce.encode(), (address, port))
    signal.pause()


def main(service: str, address: str, port: str, *rest: str) -> None:
    """Run one of the services; see the module."""
    if service == "probe":
        probe(address, int(port), rest[0])
        return
    files, delay_ms = Path(rest[0]), float(rest[1])
    answers = http_answers(documents_in(files)) if service == "http" else kv_answers({})
    asyncio.run(serve(answers, address, int(port), delay_ms / 1000))


if __name__ == "__main__":
    main(*sys.argv[1:])
