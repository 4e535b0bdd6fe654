# SPDX-License-Identifier: Apache-2.0
"""What it times, against what a server of known behaviour did by its own record, within 1 %.

The server and the load generator run at a real-time priority, where they may. A window in which
the load generator itself was late says nothing about the server: it says so, and is repeated.
"""

import numpy as np
import pytest

TRIES = 5
LATE_US = 500
"""What its own lateness may be at most, for one request in a hundred."""
STALL_MS = 200
PERIOD_S = 2.0
"""The server's stalls, each a tenth of the time."""
RATE = 1000
HIT_MS = 20
"""What makes a request wait for longer is the stall; its last requests wait for less."""


def undisturbed(window):
    lateness = window["lateness_us"]
    return window["begin_late_ns"] < 1e6 and (not lateness["count"] or lateness["p99"] < LATE_US)


def measured(loader, behaviour, command, *lines, milliseconds, **options):
    """Return a window and the server's record."""
    for _ in range(TRIES):
        with loader.server(behaviour, nth=1, milliseconds=milliseconds) as server:
            (window,) = loader.windows(server, command, *lines, **options)
            record = server.record()
        assert window["failures"] == {}
        if undisturbed(window):
            return window, record
    pytest.skip("the machine is too busy to time anything")


OF_WAKING_UP = 0.03
"""How much the median of some twenty waits may differ: processes wake up late on a busy machine.
Their mean may not, because the delays of one wait shorten the next."""


def mean_us(window, record, connections=1):
    """Return the mean wait of connections that always wait, from the begin to the last answer."""
    lasts_ns = np.array(record["sent_ns"][-connections:]) - window["begin_ns"]
    return lasts_ns.sum() / window["latency_us"]["count"] / 1e3


def sent_in(window, record):
    """Return when the server answered, of what it answered in the window."""
    sent = np.array(record["sent_ns"])
    return sent[(sent >= window["begin_ns"]) & (sent < window["end_ns"])]


def test_a_fixed_service_time_in_a_closed_loop(fast):
    """A connection always waits: from the begin to the last answer that it gets."""
    for connections in (1, 5):
        window, record = measured(
            fast, "service", "window seconds=0.5\n", milliseconds=20, connections=connections
        )
        answers, latency = sent_in(window, record), window["latency_us"]
        assert abs(window["answered"] - len(answers)) <= 1
        assert latency["count"] == record["requests"] == window["answered"] + connections
        assert latency["mean"] == pytest.approx(mean_us(window, record, connections), rel=0.01)
        assert latency["min"] >= 20_000
        if connections == 1:
            waits_us = np.diff([window["begin_ns"], *record["sent_ns"]]) / 1e3
            assert latency["p50"] == pytest.approx(np.median(waits_us), rel=OF_WAKING_UP)


def test_a_rate_that_the_server_can_serve(fast):
    window, record = measured(
        fast, "service", "window seconds=0.5 rate=20 arrivals=constant\n", milliseconds=40
    )
    assert (window["loop"], window["rate_per_s"]) == ("open", 20)
    assert window["sent"] == record["requests"] == 10
    assert window["unsent"] == window["waited"] == 0
    due_ns = window["begin_ns"] + np.arange(10) * 50_000_000
    waits_us = (np.array(record["sent_ns"]) - due_ns) / 1e3
    assert window["latency_us"]["p50"] == pytest.approx(np.median(waits_us), rel=OF_WAKING_UP)


def test_a_rate_that_it_cannot_serve(fast):
    """Half of what is offered: the rest is counted, and whatever waited has waited for long."""
    window, record = measured(
        fast, "service", "window seconds=0.5 rate=200 arrivals=constant\n", milliseconds=10
    )
    assert window["sent"] + window["unsent"] == 100
    assert window["sent"] == record["requests"]
    assert abs(window["answered"] - len(sent_in(window, record))) <= 1
    assert window["waited"] > 0.9 * window["sent"]
    first_unsent_ns = window["begin_ns"] + window["sent"] * 5_000_000
    assert window["oldest_unsent_ns"] == pytest.approx(window["end_ns"] - first_unsent_ns, abs=2)
    last_us = (max(record["sent_ns"]) - (first_unsent_ns - 5_000_000)) / 1e3
    assert window["latency_us"]["max"] == pytest.approx(last_us, rel=0.01)


def test_a_stall_is_seen_as_an_open_loop_sees_it(fast):
    """A tenth of the requests is hit, and the p99 is nine tenths of the stall.

    The server answers in the order in which requests were due: what was due first was sent first.
    """
    window, record = measured(
        fast,
        "stall",
        f"window seconds={2 * PERIOD_S} rate={RATE} arrivals=constant\n",
        milliseconds=STALL_MS,
        connections=20,
    )
    latency, n = window["latency_us"], int(RATE * 2 * PERIOD_S)
    assert window["sent"] == record["requests"] == n
    due_ns = window["begin_ns"] + np.arange(n) * 1e9 / RATE
    true_us = (np.sort(record["sent_ns"]) - due_ns) / 1e3
    for name, q in {"p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1}.items():
        assert latency[name] == pytest.approx(np.quantile(true_us, q), rel=0.01), name
    hit = sum(count for least_ns, count in latency["buckets"] if least_ns > HIT_MS * 1e6)
    assert hit == pytest.approx((true_us > HIT_MS * 1e3).sum(), rel=0.02)
    assert hit / n == pytest.approx(0.1 * (1 - HIT_MS / STALL_MS), rel=0.05)
    assert latency["p99"] == pytest.approx(0.9 * STALL_MS * 1e3, rel=0.03)
    assert latency["p50"] < 2000
    assert window["waited"] > 0
    worst_ms = [most / 1e3 for _, _, most in window["slices"]]
    assert sum(most > 150 for most in worst_ms) in {2, 3, 4}


def test_a_pause_within_a_body_is_in_the_latency(fast):
    window, record = measured(fast, "pause", "window seconds=0.3\n", milliseconds=30)
    assert window["latency_us"]["mean"] == pytest.approx(mean_us(window, record), rel=0.01)
    assert window["latency_us"]["min"] >= 30_000


def test_quantiles_are_those_of_the_histogram_and_it_is_within_1_percent(fast):
    with fast.server() as server:
        (window,) = fast.windows(server, "window seconds=0.3 rate=2000\n", connections=10)
    latency = window["latency_us"]
    least, counts = np.array(latency["buckets"], dtype=float).T
    widths = np.where(least < 256, 1, 2 ** (np.floor(np.log2(np.maximum(least, 1))) - 7))
    assert (widths / np.maximum(least, 1) <= 0.01).all()
    cumulated = counts.cumsum() / counts.sum()
    for name, q in {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}.items():
        bucket = np.searchsorted(cumulated, q - 1e-12)
        assert least[bucket] <= latency[name] * 1e3 <= least[bucket] + widths[bucket]
    assert latency["min"] * 1e3 == pytest.approx(least[0], rel=0.01)
    assert latency["max"] * 1e3 == pytest.approx(least[-1], rel=0.01)
    middles = least + widths / 2
    assert latency["mean"] * 1e3 == pytest.approx((middles * counts).sum() / counts.sum(), rel=0.01)


def test_it_is_less_late_if_it_does_not_sleep_before_a_request_is_due(fast):
    for _ in range(TRIES):
        late_us = []
        for spin in (0, 300):
            with fast.server() as server:
                (window,) = fast.windows(server, "window seconds=0.3 rate=500\n", spin=spin)
            late_us.append(window["lateness_us"]["p50"])
        if late_us[1] < 0.5 * late_us[0]:
            return
    pytest.fail(f"it was late by {late_us} us")


def test_waiting_for_a_connection_is_no_lateness_of_its_own(fast):
    with fast.server("service", nth=1, milliseconds=10) as server:
        (window,) = fast.windows(server, "window seconds=0.4 rate=200\n")
    assert window["latency_us"]["p50"] > 50_000
    assert window["lateness_us"]["p50"] < 0.1 * window["latency_us"]["p50"]
