# SPDX-License-Identifier: Apache-2.0
"""`open_connections` and `connection_opener`, on servers with limits of their own."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from featherbench.errors import InstanceDiedError, LoadError, VerificationError
from featherbench.services import connection_opener, kv, open_connections

WITHIN_S = 1.5
"""For servers on loopback that never answer."""


@contextmanager
def listening(backlog=1024):
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:
        yield server, server.getsockname()


@contextmanager
def serving(handle):
    """Serve on loopback with a coroutine per connection; yield the address and open connections."""
    loop, opened = asyncio.new_event_loop(), set()

    async def handled(reader, writer):
        opened.add(writer)
        try:
            await handle(reader, writer, opened)
        finally:
            opened.discard(writer)
            writer.close()

    async def served():
        return await asyncio.start_server(handled, "127.0.0.1", 0, backlog=1024)

    server = loop.run_until_complete(served())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname(), opened
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_shut_down(server))
        loop.close()


async def _shut_down(server):
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def pong(reader, writer, _opened):
    while await reader.readline():
        writer.write(b"+PONG\r\n")


def count_at(address, count, within_s=WITHIN_S):
    output = connection_opener.run(address, count, within_s, *kv.EXCHANGE)
    return open_connections.parse(output)


def test_all_are_open_at_once_and_closed_afterwards():
    most = []

    async def counted(reader, writer, opened):
        most.append(len(opened))
        await pong(reader, writer, opened)

    with serving(counted) as (address, opened):
        count = count_at(address, 100, within_s=10)
        assert not opened
    assert (count.asked, count.opened, count.answered) == (100, 100, 100)
    assert max(most) == 100
    assert str(count) == "verified from the client: 100 at once were answered"


def test_accepted_connections_that_are_never_answered_do_not_count():
    async def some(reader, writer, opened):
        await (pong(reader, writer, opened) if len(opened) <= 64 else reader.read())

    with serving(some) as (address, _):
        count = count_at(address, 100)
    assert (count.opened, count.answered) == (100, 64)
    assert count.failures == "36: opened, but not answered"


def test_a_server_that_closes_one_connection_for_the_next_does_not_hold_both():
    """As nginx does when it has no more worker_connections."""
    request = []

    async def reused(reader, writer, opened):
        request.append(writer)
        if len(request) > 64:
            request.pop(0).close()
        await pong(reader, writer, opened)

    with serving(reused) as (address, _):
        count = count_at(address, 100, within_s=10)
    assert (count.opened, count.answered) == (100, 64)
    assert sum(count.trouble.values()) == 36
    assert count.trouble.keys() <= {connection_opener.CLOSED, "Connection reset by peer"}


def test_a_refusal_in_the_protocol_is_reported():
    """As Redis does it beyond its maxclients."""

    async def full(reader, writer, opened):
        if len(opened) > 64:
            writer.write(b"-ERR max number of clients reached\r\n")
        else:
            await pong(reader, writer, opened)

    with serving(full) as (address, _):
        count = count_at(address, 100, within_s=10)
    assert count.answered == 64
    assert count.failures == "36: answered '-ERR max number of clients reached'"


def test_a_short_queue_of_waiting_connections_is_reported():
    """No one accepts: the kernel opens as many as the queue takes, and answers none."""
    with listening(backlog=5) as (_, address):
        count = count_at(address, 20)
    assert 5 <= count.opened < 20
    assert count.answered == 0
    assert count.trouble["not opened"] == 20 - count.opened


def test_without_a_server_connections_are_refused():
    with listening() as (server, address):
        server.close()
        count = count_at(address, 3)
    assert (count.opened, count.answered) == (0, 0)
    assert count.failures == "3: Connection refused"


def test_it_opens_no_more_than_its_own_limit_of_files_allows():
    with serving(pong) as ((host, port), _):
        program = [sys.executable, "-I", connection_opener.__file__]
        done = subprocess.run(
            ["prlimit", "--nofile=64:64", *program, host, str(port), "100", "10", *kv.EXCHANGE],
            capture_output=True,
            check=True,
        )
    count = open_connections.parse(done.stdout)
    assert count.asked == count.answered == 64 - connection_opener.SPARE_FILES


def test_an_unlimited_client_is_not_limited(monkeypatch):
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(connection_opener.resource, "getrlimit", lambda _: unlimited)
    assert connection_opener.affordable(100_000) == 100_000


# --- verification of a cell's server --------------------------------------------------------------


def says(asked, opened, answered, **trouble):
    count = {"asked": asked, "opened": opened, "answered": answered, "trouble": trouble}
    return lambda _: json.dumps(count)


def test_a_few_more_than_the_load_are_opened_at_the_client(bench_for, client):
    client.says = says(108, 108, 108)
    assert "108 at once" in open_connections.verify(bench_for("kv"), 100)
    (argv,) = client.asked
    assert argv[2:6] == [connection_opener.__file__, "198.18.0.1", "18080", "108"]
    assert argv[-1] in {"HTTP/1.1 200", "+PONG"}


def test_a_limit_above_the_load_is_reported_and_no_failure(bench_for, client):
    client.says = says(108, 108, 104, reset=4)
    verified = open_connections.verify(bench_for("http"), 100)
    assert verified == "verified from the client: 104 of 108 (4: reset) at once were answered"


def test_a_limit_below_the_load_is_an_error_with_a_remedy(bench_for, client):
    client.says = says(108, 108, 64, reset=44)
    with pytest.raises(VerificationError, match="of 108 at once 108 were opened and 64 ans") as low:
        open_connections.verify(bench_for("http"), 100)
    assert "44: reset" in low.value.message
    assert "`constants`" in low.value.remedy
    assert "`control`" in low.value.remedy


def test_the_clients_own_limit_is_not_attributed_to_the_server(bench_for, client):
    client.says = says(48, 48, 48)
    with pytest.raises(VerificationError, match=r"the client .* only 48") as low:
        open_connections.verify(bench_for("http"), 100)
    assert "tuning.nofile" in low.value.remedy


def test_a_server_that_dies_from_the_connections_is_reported_as_dead(bench_for, client, technology):
    client.says = says(108, 108, 0)
    technology.running = False
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        open_connections.verify(bench_for("http"), 100)


def test_unreadable_output_is_an_error():
    with pytest.raises(LoadError, match="no count of open connections"):
        open_connections.parse("Traceback")
