# SPDX-License-Identifier: Apache-2.0
"""What it counts, against the record of a server that does exactly what it is told.

Every failure is there with its kind, and nothing that failed is in a rate or a latency.
"""

import json
import os
import re
import signal
import subprocess
import time
import zlib
from contextlib import contextmanager
from math import sqrt
from pathlib import Path

import pytest

from featherbench.system.polling import wait_until
from integration.loadgen.conftest import WITHOUT_LEAKS

BODY = 1150
CHECKS = "path /a", f"length {BODY}", f"crc32 {zlib.crc32(b'x' * BODY):08x}"
OF_NO_REQUEST = {"refused", "connect"}
"""Kinds of failures before any request is sent."""


def failed(window):
    return sum(n for kind, n in window["failures"].items() if kind not in OF_NO_REQUEST)


def add_up(window):
    """Every request has one end; what is answered has a latency, and is in a slice."""
    answered = window["answered"] + window["answered_after"]
    assert window["sent"] == answered + failed(window)
    assert window["latency_us"]["count"] == answered
    assert sum(n for _, n in window["latency_us"]["buckets"]) == answered
    assert sum(answered for answered, _, _ in window["slices"]) == window["answered"]


@pytest.mark.parametrize(
    ("behaviour", "failures"),
    [
        ("status", "status"),
        ("length", "length"),
        ("content", "checksum"),
        ("protocol", "protocol"),
        ("truncated", "short"),
        ("reset", "reset"),
        ("close", None),
        ("until_closed", None),
        ("chunked", None),
    ],
)
def test_each_failure_is_counted_by_its_kind(checked, behaviour, failures):
    with checked.server(behaviour, nth=20) as server:
        window, again = checked.windows(server, 2 * "window seconds=0.2\n", *CHECKS, connections=8)
        record = server.record()
    expected = window["failures"].get(failures, 0) + again["failures"].get(failures, 0)
    special = record["special"]
    assert special == record["requests"] // 20 > 0
    assert expected == (special if failures else 0)
    assert {*window["failures"], *again["failures"]} <= {failures}
    assert window["sent"] + again["sent"] == record["requests"]
    add_up(window)
    add_up(again)
    if behaviour in {"close", "until_closed", "truncated", "reset", "protocol"}:
        assert special - 2 * 8 <= window["reconnects"] + again["reconnects"] <= special
    else:
        assert window["reconnects"] == again["reconnects"] == 0


@pytest.mark.parametrize(
    ("behaviour", "failures"), [("error", "error"), ("nil", "length"), ("array", None)]
)
@pytest.mark.parametrize("depth", [1, 16])
def test_replies_of_resp_too_whatever_the_pipeline(checked, behaviour, failures, depth):
    with checked.server(behaviour, protocol="resp", nth=1000 if depth > 1 else 100) as server:
        (window,) = checked.windows(
            server,
            "window seconds=0.3\n",
            *("argument GET", "argument key:{random}", "keys 7", "length 3"),
            connections=3,
            depth=depth,
        )
        record = server.record()
    assert record["special"] > 0
    assert window["failures"] == ({failures: record["special"]} if failures else {})
    assert window["sent"] == record["requests"]
    add_up(window)
    commands = record.received.count(b"*2\r\n$3\r\nGET\r\n$16\r\nkey:")
    keys = set(re.findall(rb"key:(\d{12})\r\n", record.received))
    assert commands > 50
    assert {int(key) for key in keys} == set(range(7))


def test_bytes_nobody_asked_for_are_a_failure(checked):
    with checked.server("extra", nth=20) as server:
        (window,) = checked.windows(server, "window seconds=0.1\n", "path /a", connections=2)
        special = server.record()["special"]
    assert window["failures"] == {"protocol": special}


def test_nothing_listens(checked):
    with checked.server() as server:
        server.record()
        window, again = checked.windows(server, 2 * "window seconds=0.1\n", connections=10)
    assert window["failures"] == again["failures"] == {"refused": 10}
    assert not window["run"]
    assert window["sent"] == window["answered"] == window["latency_us"]["count"] == 0


def test_silence_is_a_timeout_of_every_request(checked):
    with checked.server("silent") as server:
        (window,) = checked.windows(
            server, "window seconds=0.1\n", connections=5, depth=3, timeout=0.2
        )
        record = server.record()
    assert window["failures"] == {"timeout": 15}
    assert record["requests"] == 15
    assert window["answered"] == window["answered_after"] == window["latency_us"]["count"] == 0


def test_connections_that_the_server_loses_between_windows_are_made_again(checked):
    """No request of the second window fails because of it."""
    with checked.server("close", nth=1) as server:
        windows = checked.windows(server, 3 * "window seconds=0.1\n", connections=4)
        server.record()
    assert [window["failures"] for window in windows] == [{}, {}, {}]
    assert [window["connected"] for window in windows] == [4, 4, 4]


@contextmanager
def kept_open(loader, server, **options):
    """Give the program, with its input open."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    argv = loader.argv(server, **options)
    with subprocess.Popen(argv, **pipes, text=True, bufsize=1, env=WITHOUT_LEAKS) as process:
        yield process


def test_a_server_that_is_killed_between_windows_gives_no_figures(checked):
    with checked.server() as server, kept_open(checked, server, connections=4) as process:
        process.stdin.write("window seconds=0.1\n")
        assert json.loads(process.stdout.readline())["answered"] > 0
        server.record()
        process.stdin.write("window seconds=0.1\n")
        window = json.loads(process.stdout.readline())
    assert not window["run"]
    assert window["failures"] == {"refused": 4}
    assert window["answered"] == window["latency_us"]["count"] == 0


def test_it_ends_in_the_middle_of_a_window_that_nobody_reads(checked):
    with checked.server() as server, kept_open(checked, server) as process:
        process.stdin.write("window seconds=60\n")
        time.sleep(0.2)
        process.stdout.close()
        assert process.wait(timeout=5) == 1


def test_warm_connections_stay(checked):
    with checked.server() as server:
        windows = checked.windows(server, 3 * "window seconds=0.1\n", connections=4, cpus="0")
        record = server.record()
    assert [window["reconnects"] for window in windows] == [0, 0, 0]
    assert sum(window["sent"] for window in windows) == record["requests"]
    assert windows[0]["end_ns"] - windows[0]["begin_ns"] == 100_000_000
    assert windows[0]["end_ns"] < windows[1]["begin_ns"]


@pytest.fixture
def mix(tmp_path):
    """A file with two kinds of requests, one of which is to fail."""
    path = tmp_path / "requests"
    path.write_text(
        "# nine to one\nrequest a 9\npath /a\n\nrequest b 1\nmethod POST\npath /b\n"
        "header X-Number: {random}\nkeys 10\nbody one {random}\nstatus 404\n"
    )
    return path


def test_requests_are_in_the_proportions_of_the_file(checked, mix):
    with checked.server() as server:
        both, only = checked.windows(
            server, "window seconds=0.3\nwindow seconds=0.1 only=a\n", requests=mix, connections=4
        )
        record = server.record()
    assert both["failures"] == only["failures"] == {}
    assert (both["only"], only["only"]) == ("", "a")
    n, of_b = both["sent"], record["of_b"]
    assert abs(of_b - 0.1 * n) < 5 * sqrt(n * 0.1 * 0.9)
    assert re.search(
        rb"POST /b HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Number: 00000000000\d\r\n"
        rb"Content-Length: 16\r\n\r\none 00000000000\d",
        record.received,
    )


def test_several_threads_share_the_connections(checked):
    with checked.server() as server:
        (window,) = checked.windows(
            server, "window seconds=0.2 rate=1000 arrivals=constant\n", connections=5, cpus="0,0,0"
        )
        record = server.record()
    assert window["threads"] == 3
    assert window["connected"] == 5
    assert window["sent"] + window["unsent"] == 200
    assert window["sent"] == record["requests"]
    add_up(window)


def stopped(argv, for_s):
    """Stop it once it has its connections, for a while; return its window."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=WITHOUT_LEAKS) as process:
        files = Path(f"/proc/{process.pid}/fd")
        wait_until(lambda: len(list(files.iterdir())) >= 6, what="sockets", within_s=10)
        time.sleep(0.1)
        process.send_signal(signal.SIGSTOP)
        time.sleep(for_s)
        process.send_signal(signal.SIGCONT)
        return json.loads(process.stdout.readline())


def test_it_tells_that_it_did_not_run(checked):
    with checked.server() as server:
        argv = checked.argv(server, seconds=1, connections=2)
        window = stopped(argv, for_s=0.2)
    assert window["failures"] == {}
    assert 150e6 < window["loop_late_ns"] < 900e6


def test_what_it_was_late_to_read_is_no_timeout(checked):
    with checked.server() as server:
        argv = checked.argv(server, seconds=1, connections=2, timeout=0.1)
        window = stopped(argv, for_s=0.3)
    assert window["failures"] == {}
    assert window["latency_us"]["max"] > 250_000
    add_up(window)


def test_a_generator_that_is_killed_gives_no_figures(checked):
    with checked.server() as server:
        argv = checked.argv(server, seconds=5)
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=WITHOUT_LEAKS) as process:
            time.sleep(0.2)
            process.kill()
            assert process.stdout.read() == b""


def test_ports_that_run_out_are_failures(checked):
    """Ten ports, of which the server has one."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with checked.server(own_network="40000 40009") as server:
        inside = ("nsenter", f"--net=/proc/{server.process.pid}/ns/net")
        done = checked.run([*inside, *checked.argv(server, connections=20, seconds=0.1)])
    window = json.loads(done.stdout)
    assert window["failures"].keys() == {"connect"}
    assert window["failures"]["connect"] >= 10
    assert window["connected"] <= 10
    add_up(window)


def test_the_same_seed_gives_the_same_arrivals(checked):
    counts = []
    for seed in (1, 1, 2):
        with checked.server() as server:
            (window,) = checked.windows(
                server, "window seconds=0.25 rate=4000\n", connections=20, seed=seed
            )
        counts.append(window["sent"] + window["unsent"])
    assert counts[0] == counts[1] != counts[2]
    assert abs(counts[0] - 1000) < 5 * sqrt(1000)


NAME_AND_WEIGHT = ": it must be NAME WEIGHT, of at most 31 characters and above 0"
WRONG = {
    "--protocol=ftp": 'protocol is "ftp": it must be http or resp',
    "--address=localhost": 'address is "localhost": it must be of IPv4 or IPv6, no name',
    "--connections=1.5": 'connections is "1.5": it must be a whole number from 1 to 1e+06',
    "--seconds=0": 'seconds is "0": it must be a number from 0.01 to 3600',
    "--rate=nan": 'rate is "nan": it must be a number from 0.001 to 1e+08',
    "--speed=1": 'there is no option "speed"',
    "--cpus=0,": 'cpus is "0,": it must be numbers with commas between them',
    "--arrivals=x": 'arrivals is "x": it must be poisson or constant',
    "--only=x": 'only is "x": no kind of requests has that name',
    "connections=1": '"connections=1" is no option; see docs/load.md',
    "--depth": '"depth" is not of the form NAME=VALUE',
    "--line=status x": 'status is "x": it must be a whole number from 100 to 999',
    "--line=value 3": '"value" is no line of a request of http',
    "--line=request a": f'request is "a"{NAME_AND_WEIGHT}',
    "--line=request a -1": f'request is "a -1"{NAME_AND_WEIGHT}',
    "--line=crc32 12": 'crc32 is "12": it must have eight hexadecimal digits',
    "--requests=/nowhere": "/nowhere cannot be read: No such file or directory",
}


@pytest.mark.parametrize("word", WRONG)
def test_a_mistake_is_told_and_nothing_is_done(checked, word):
    with checked.server() as server:
        done = checked.run([*checked.argv(server, seconds=0.1), word])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"featherbench-load: {WRONG[word]}\n"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("windows seconds=1", 'there is no command "windows"'),
        ("window", "a window needs seconds=NUMBER"),
        ("window seconds=1 connections=3", 'there is no option "connections" of a window'),
    ],
)
def test_so_is_a_mistake_in_a_command(checked, command, complaint):
    with checked.server() as server:
        done = checked.run(checked.argv(server), command + "\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"featherbench-load: {complaint}\n"


def test_a_cpu_that_is_not_there_ends_it(checked):
    with checked.server() as server:
        done = checked.run(checked.argv(server, cpus="1023", seconds=0.1))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the CPU cannot be used" in done.stderr


def test_it_can_be_read_and_audited(sources):
    lines = [line for file in sources.iterdir() for line in file.read_text().splitlines()]
    assert len(lines) < 1500
    assert max(map(len, lines)) <= 100
