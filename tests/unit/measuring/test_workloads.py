# SPDX-License-Identifier: Apache-2.0
"""The workloads on a scripted platform."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from featherbench import registry
from featherbench.errors import InstanceDiedError, InstanceError, LoadError, VerificationError
from featherbench.records.cell import Verdict
from featherbench.records.image import Image, ImageSize
from featherbench.records.instance import Endpoint
from featherbench.services import http
from featherbench.workloads import startup as startup_module

DATA = Path(__file__).parents[2] / "data"
HEADER = (DATA / "loadgens" / "rb_get.txt").read_text().splitlines()[0]
PONGS = "keyspace_misses:0\r\n"


def image(service):
    return Image(
        technology="scripted",
        service=service,
        digest="d",
        reference={},
        size=ImageSize(
            allocated_bytes=3 << 20, apparent_bytes=4 << 20, compressed_bytes=1 << 20, counted="all"
        ),
        versions={},
        built_utc="",
        build_log="",
    )


def test_http_takes_as_many_windows_as_asked(bench_for, client):
    client.says = lambda _: (DATA / "loadgens" / "wrk_ok.txt").read_text()
    windows = registry.load("workloads", "http").measure(bench_for("http"), 10, 3)
    assert [window.index for window in windows] == [1, 2, 3]
    assert {window.verdict for window in windows} == {Verdict.OK}
    assert all("--connections=10" in argv for argv in client.asked)


def test_http_checks_the_size_that_was_configured(bench_for, client):
    client.says = lambda _: http.payload(1150).decode() + "\n200"
    workload = registry.load("workloads", "http")
    assert workload.verify(bench_for("http"))
    with pytest.raises(VerificationError):
        workload.verify(bench_for("http", file_bytes=1151))


def kv_client(argv):
    if argv[0] == "redis-cli":
        return "OK\n" if "SET" in argv else PONGS
    operation = argv[argv.index("-t") + 1].upper()
    return f'{HEADER}\n"{operation}","1000000.00"' + ',"0.1"' * 6 + "\n"


def test_kv_measures_the_operations_in_turns(bench_for, client):
    client.says = kv_client
    windows = registry.load("workloads", "kv").measure(bench_for("kv"), 100, 2)
    taken = sorted(windows, key=lambda window: window.started_monotonic_s)
    assert [window.metric for window in taken] == [
        "kv_get_throughput",
        "kv_set_throughput",
        "kv_get_throughput",
        "kv_set_throughput",
    ]
    assert [window.index for window in windows] == [1, 2, 1, 2]
    assert {window.verdict for window in windows} == {Verdict.OK}


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"operations": ("GET", "GET")}, "named twice"),
        ({"operations": ()}, "at least 1"),
        ({"window_s": 0.999}, "greater than or equal to 1"),
    ],
)
def test_kv_refuses_what_would_give_no_valid_windows(mistake, said):
    with pytest.raises(ValidationError, match=said):
        registry.load("workloads", "kv").Settings(**mistake)


def test_kv_writes_the_key_before_it_reads_it(bench_for, client):
    client.says = kv_client
    registry.load("workloads", "kv").measure(bench_for("kv", value_bytes=9), 100, 1)
    assert client.asked[0][-3:] == ["SET", "key:__rand_int__", "x" * 9]


def test_kv_warms_up_with_every_operation(bench_for, client):
    client.says = kv_client
    assert registry.load("workloads", "kv").warm_up(bench_for("kv")).keys() == {"GET", "SET"}


def ping_output(count, lost=()):
    lines = [
        f"[1795418893.7] 64 bytes from 198.18.0.1: icmp_seq={n} ttl=64 time=0.{n:03d} ms"
        for n in range(1, count + 1)
        if n not in lost
    ]
    return "\n".join([*lines, f"{count} packets transmitted, {count - len(lost)} received, ..."])


def pings(lost=()):
    return lambda argv: ping_output(int(argv[argv.index("-c") + 1]), lost)


def test_latency_gives_a_window_a_reply_without_the_lead_in(bench_for, client):
    client.says = pings()
    windows = registry.load("workloads", "latency").measure(bench_for("latency"), 1, 4)
    assert [(window.index, window.value) for window in windows] == [
        (1, 0.004),
        (2, 0.005),
        (3, 0.006),
        (4, 0.007),
    ]
    assert {(window.metric, window.unit) for window in windows} == {("round_trip_time", "ms")}
    assert {window.notes["interval_ms"] for window in windows} == {200}


def test_latency_says_what_was_pinged(bench_for, client):
    client.says = pings()
    bench = bench_for("latency")
    (own,) = registry.load("workloads", "latency").measure(bench, 1, 1)
    assert own.notes["pinged"] == "198.18.0.1, the service's address"
    endpoint = Endpoint(address="198.18.0.1", port=18080, ping_address="198.18.1.2")
    published = bench.with_instance(bench.under_test.model_copy(update={"endpoint": endpoint}))
    (routed,) = registry.load("workloads", "latency").measure(published, 1, 1)
    assert client.asked[-1][-1] == "198.18.1.2"
    assert "198.18.1.2, reached by route, not by" in routed.notes["pinged"]


def test_a_lost_reply_is_an_invalid_window_that_looks_like_no_fast_one(bench_for, client):
    client.says = pings(lost={5})
    windows = registry.load("workloads", "latency").measure(bench_for("latency"), 1, 4)
    assert [window.verdict for window in windows] == ["ok", "invalid", "ok", "ok"]
    assert windows[1].value == 1000.0
    assert windows[1].reasons == ("failures: 1 lost reply",)


def test_no_reply_at_all_is_an_error(bench_for, client):
    client.says = pings(lost=range(1, 8))
    with pytest.raises(LoadError, match="firewall"):
        registry.load("workloads", "latency").measure(bench_for("latency"), 1, 4)


def test_image_sizes_are_one_window_an_app(bench_for):
    bench = replace(
        bench_for("image_size"), images={service: image(service) for service in ("http", "kv")}
    )
    windows = registry.load("workloads", "image_size").measure(bench, 1, 7)
    assert [(window.metric, window.value) for window in windows] == [
        ("image_size_http", 3.0),
        ("image_size_kv", 3.0),
    ]
    assert {m.metric: m.value for m in windows[0].secondary} == {
        "image_size_http_apparent": 4.0,
        "image_size_http_compressed": 1.0,
    }


@pytest.fixture
def startup(bench_for, technology):
    """A bench on which a start sends the packets that `sends` makes of the nonce."""

    def make(sends, **settings):
        bench = bench_for("startup", **settings)
        instance = bench.under_test.model_copy(update={"start_phases_s": {"create": 0.25}})

        def start(request):
            _, _, port, nonce = request.command
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for text in sends(nonce):
                    sender.sendto(text.encode(), ("127.0.0.1", int(port)))
            return instance

        technology.start = start
        return replace(
            bench,
            instance=None,
            images={"startup": image("startup")},
            placement=replace(bench.placement, callback_address="127.0.0.1"),
        )

    return make


def test_startup_times_the_packet_with_the_nonce(startup, technology):
    bench = startup(lambda nonce: ["late packet of another start", nonce])
    windows = registry.load("workloads", "startup").measure(bench, 1, 2)
    assert [window.index for window in windows] == [1, 2]
    assert all(0 < window.value < 5 for window in windows)
    assert {window.notes["foreign_packets"] for window in windows} == {1}
    assert [(m.metric, m.value) for m in windows[0].secondary] == [("startup_phase_create", 0.25)]
    assert technology.stopped == ["abc", "abc"]


def test_the_host_is_left_alone_before_each_start_and_that_is_not_counted(startup, technology):
    bench = startup(lambda nonce: [nonce], settle_s=0.2)
    quiet_s, ended_s, start, stop = [], time.monotonic(), technology.start, technology.stop

    def start_in_time(request):
        quiet_s.append(time.monotonic() - ended_s)
        return start(request)

    def stop_and_note(instance):
        nonlocal ended_s
        stop(instance)
        ended_s = time.monotonic()

    technology.start, technology.stop = start_in_time, stop_and_note
    windows = registry.load("workloads", "startup").measure(bench, 1, 3)
    assert len(quiet_s) == 3
    assert all(0.2 <= quiet < 0.4 for quiet in quiet_s)
    assert all(window.value < 0.1 for window in windows)


def test_the_circumstances_of_a_start_are_judged(startup, technology, client):
    quiet = technology.usage
    technology.usage = lambda of: quiet(of).model_copy(update={"throttled_s": 0.5})
    client.cpus = (1,)
    (window,) = registry.load("workloads", "startup").measure(startup(lambda nonce: [nonce]), 1, 1)
    assert window.verdict == Verdict.SUSPECT
    assert [reason.partition(":")[0] for reason in window.reasons] == ["throttled", "shared CPUs"]


def test_a_start_without_its_packet_is_an_error_and_is_stopped(startup, technology):
    bench = startup(lambda nonce: ["x" + nonce], timeout_s=0.5)
    with pytest.raises(InstanceError, match="no packet"):
        registry.load("workloads", "startup").measure(bench, 1, 1)
    assert technology.stopped == ["abc"]


def test_the_packet_of_one_that_ends_with_it_counts(startup, technology, monkeypatch):
    """It came after we had looked for it, and before we looked whether its sender lives."""
    bench = startup(lambda _: [], timeout_s=600)
    technology.running = False
    begun_s = time.monotonic()

    def diagnosis(_):
        nonce, port = sent[0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(nonce.encode(), ("127.0.0.1", port))
        return "it ended"

    sent, start = [], technology.start

    def start_and_note(request):
        _, _, port, nonce = request.command
        sent.append((nonce, int(port)))
        return start(request)

    technology.start = start_and_note
    monkeypatch.setattr(technology, "diagnosis", diagnosis)
    monkeypatch.setattr(startup_module, "LIVENESS_EVERY_S", 0.05)
    (window,) = registry.load("workloads", "startup").measure(bench, 1, 1)
    assert 0.05 < window.value < time.monotonic() - begun_s


def test_a_start_that_died_is_not_waited_for(startup, technology):
    bench = startup(lambda _: [], timeout_s=600)
    technology.running = False
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        registry.load("workloads", "startup").measure(bench, 1, 1)
    assert technology.stopped == ["abc"]
