# SPDX-License-Identifier: Apache-2.0
"""ping's output, captured from iputils 20221126."""

import pytest

from builders import DATA
from featherbench.errors import LoadError
from featherbench.services import ping

CAPTURED = {file.stem: file.read_text() for file in (DATA / "ping").iterdir()}


def test_each_reply_is_parsed():
    trips_ms = ping.parse(CAPTURED["ping_ok"])
    assert trips_ms == {1: 0.262, 2: 0.057, 3: 0.052, 4: 0.054, 5: 0.053}


def test_late_replies_are_parsed():
    trips_ms = ping.parse(CAPTURED["ping_part"])
    assert len(trips_ms) == 15
    assert (trips_ms[1], trips_ms[6], trips_ms[11]) == (1.36, 1028.0, 4.06)


def test_lost_replies_are_none_under_their_number():
    lines = CAPTURED["ping_ok"].splitlines()
    without_third = "\n".join(line for line in lines if "icmp_seq=3 " not in line)
    assert ping.parse(without_third)[3] is None
    assert ping.parse(CAPTURED["ping_unreach"]) == {1: None, 2: None, 3: None}


def test_duplicates_do_not_count():
    text = CAPTURED["ping_ok"]
    first = "64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.262 ms"
    doubled = text.replace(first, f"{first}\n[1795418893.9] {first.replace('262', '999')} (DUP!)")
    assert ping.parse(doubled) == ping.parse(text)


def test_an_error_from_a_router_is_no_reply():
    text = (
        "[1.5] From 198.18.0.9 icmp_seq=1 Destination Host Unreachable\n\n"
        "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
    )
    assert ping.parse(text) == {1: None}


def test_a_ping_that_did_not_finish_is_a_load_error():
    with pytest.raises(LoadError, match="unknown host"):
        ping.parse("ping: unknown host")


def test_the_interval_is_given_in_seconds():
    assert "0.2" in ping.command("198.18.0.1", count=3, interval_ms=200)


def test_an_instance_that_answers_every_ping_has_the_highest_rate(bench_for, client):
    client.says = lambda _: CAPTURED["ping_ok"]
    bench = bench_for("latency")
    assert ping.answers(bench)
    assert ping.lossless_pings_per_s(bench, 5) == 500
    assert client.asked[-1][-1] == bench.under_test.endpoint.ping_address


def test_an_instance_that_misses_a_ping_has_none(bench_for, client):
    lines = CAPTURED["ping_ok"].splitlines(keepends=True)
    client.says = lambda _: "".join(line for line in lines if "icmp_seq=3" not in line)
    assert ping.lossless_pings_per_s(bench_for("latency"), 5) == 0
    client.says = lambda _: CAPTURED["ping_unreach"]
    assert not ping.answers(bench_for("latency"))


@pytest.mark.parametrize(
    ("count", "interval_ms", "nominal_s"),
    [(1, 2, 0.002), (200, 2, 2.0), (10_000, 2, 100.0), (1_000, 200, 200.0), (100, 60_000, 6_000.0)],
)
def test_the_time_to_spare_grows_with_what_is_asked_for(count, interval_ms, nominal_s):
    assert 1.5 * nominal_s < ping.longest_s(count, interval_ms) < 2 * nominal_s + 13
