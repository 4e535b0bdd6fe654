# SPDX-License-Identifier: Apache-2.0
"""Round trips as windows."""

import pytest

from builders import offered
from featherbench.errors import LoadError
from featherbench.records.instance import Endpoint
from featherbench.services import http
from featherbench.workloads.latency import Workload


def ping_output(count, lost=()):
    lines = [
        f"[1795418893.7] 64 bytes from 198.18.0.1: icmp_seq={n} ttl=64 time=0.{n:03d} ms"
        for n in range(1, count + 1)
        if n not in lost
    ]
    return "\n".join([*lines, f"{count} packets transmitted, {count - len(lost)} received, ..."])


def pings(lost=()):
    page = http.payload(1150).decode() + "\n200"
    return lambda argv: (
        page if argv[0] == "curl" else ping_output(int(argv[argv.index("-c") + 1]), lost)
    )


def test_each_reply_after_the_lead_in_is_a_window(bench_for, client):
    client.says = pings()
    windows = Workload().measure(bench_for("latency"), offered(), 4)
    values = [(window.index, window.value) for window in windows]
    assert values == [(1, 0.004), (2, 0.005), (3, 0.006), (4, 0.007)]
    assert {(window.metric, window.unit) for window in windows} == {("round_trip_time", "ms")}
    assert {window.notes["interval_ms"] for window in windows} == {200}


def test_a_window_says_what_was_pinged(bench_for, client):
    client.says = pings()
    bench = bench_for("latency")
    (direct,) = Workload().measure(bench, offered(), 1)
    assert direct.notes["pinged"] == "198.18.0.1, the service's address"
    endpoint = Endpoint(address="198.18.0.1", port=18080, ping_address="198.18.1.2")
    published = bench.with_instance(bench.under_test.model_copy(update={"endpoint": endpoint}))
    (routed,) = Workload().measure(published, offered(), 1)
    assert [argv for argv in client.asked if argv[0] == "ping"][-1][-1] == "198.18.1.2"
    assert "198.18.1.2, reached by route, not by" in routed.notes["pinged"]


def test_a_lost_reply_is_an_invalid_window_with_a_long_time(bench_for, client):
    client.says = pings(lost={5})
    windows = Workload().measure(bench_for("latency"), offered(), 4)
    assert [window.verdict for window in windows] == ["ok", "invalid", "ok", "ok"]
    assert windows[1].value == 1000.0
    assert windows[1].reasons == ("failures: 1 lost reply",)


def test_no_reply_at_all_is_an_error(bench_for, client):
    client.says = pings(lost=range(1, 8))
    with pytest.raises(LoadError, match="firewall"):
        Workload().measure(bench_for("latency"), offered(), 4)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("From 198.18.0.2 icmp_seq=1 Destination Host Unreachable", "link is down"),
        ("ping: connect: Network is unreachable", "ip route get"),
        ("ping: sendmsg: Operation not permitted", "firewall of this machine"),
        ("From 198.18.0.9 icmp_seq=1 Packet filtered: Communication prohibited", "in between"),
        ("", "drops ICMP"),
    ],
)
def test_each_reason_for_no_reply_has_its_remedy(bench_for, client, said, remedy):
    summary = "7 packets transmitted, 0 received, 100% packet loss"
    page = http.payload(1150).decode() + "\n200"
    client.says = lambda argv: page if argv[0] == "curl" else f"{said}\n{summary}"
    with pytest.raises(LoadError) as refused:
        Workload().measure(bench_for("latency"), offered(), 4)
    assert remedy in refused.value.remedy
