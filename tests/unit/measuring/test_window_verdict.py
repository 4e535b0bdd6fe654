# SPDX-License-Identifier: Apache-2.0
"""What makes a window suspect or invalid."""

import pytest

from featherbench.measuring.window_verdict import WindowFacts, window_verdict
from featherbench.records.cell import Verdict

GOOD = {
    "answered": 100_000,
    "duration_s": 2.0,
    "minimum_s": 1.8,
    "requested_s": 2.0,
    "clock_tick_s": 1e-3,
    "server_cpu_s": 1.9,
    "client_busy_fraction": 0.7,
    "client_threads_busy_fraction": 0.7,
    "server_busy_fraction": 0.95,
}
BAD = [
    ({"failures": {"read": 12, "connect": 1}}, "invalid", "failures: 1 connect, 12 read"),
    ({"answered": 0}, "invalid", "no answer"),
    ({"server_cpu_s": 0.0}, "invalid", "server idle"),
    ({"waited_fraction": 0.2}, "suspect", "others: the server waited 20% of the window"),
    ({"others_before": 0.9}, "suspect", "others: other programs took 90% of the CPUs in the pause"),
    ({"duration_s": 1.7, "requested_s": None}, "invalid", "too short"),
    ({"clock_tick_s": 0.01}, "invalid", "clock too coarse"),
    ({"clock_step_s": -0.002}, "invalid", "clock stepped"),
    ({"client_busy_fraction": 0.96, "server_busy_fraction": 0.5}, "suspect", "client saturated"),
    (
        {"client_threads_busy_fraction": 0.99, "server_busy_fraction": 0.89},
        "suspect",
        "client saturated",
    ),
    ({"client_busy_fraction": 1.0, "server_busy_fraction": None}, "suspect", "client saturated"),
    ({"steal_fraction": 0.02}, "suspect", "steal"),
    ({"throttled_s": 0.1}, "suspect", "throttled"),
    ({"swapped_pages": 1}, "suspect", "swap"),
    ({"shared_cpus": (0,)}, "suspect", "shared CPUs"),
    ({"shared_cores": ((0, 2),)}, "suspect", "shared core"),
    ({"loopback": True}, "suspect", "loopback"),
    ({"duration_s": 2.3}, "suspect", "duration off"),
]
DISTURBANCES = [
    ({"held": ("the server (process 9) was stopped",)}, "invalid", "held up: the server (process"),
    ({"held": ("the server was frozen or paused",)}, "invalid", "held up: the server was frozen"),
    ({"held": ("the load generator was stopped",)}, "invalid", "held up: the load generator"),
    ({"others_at_server": 0.87}, "suspect", "others: other programs took 87% of the server's CPUs"),
    ({"others_at_client": 0.11}, "suspect", "others: other programs took 11% of the client's CPUs"),
    ({"changes": ("CPUs of the server: 0 instead of 1",)}, "invalid", "changed: CPUs of the"),
    ({"changes": ("the link fb-server0 went down or up",)}, "invalid", "changed: the link fb-"),
    ({"changes": ("net.core.somaxconn at the client: 1 instead of 2",)}, "invalid", "changed: net"),
    ({"wrong_content": "GET /payload gave 7 bytes"}, "invalid", "wrong content: GET /payload"),
    ({"memory_stall_fraction": 0.02}, "suspect", "memory pressure: programs waited for 2%"),
    ({"limit_hits": 3}, "suspect", "memory limit: the server reached it 3 times"),
    ({"major_faults": 11}, "suspect", "page faults: 11"),
    ({"requested_s": None, "predicted_s": 1.3}, "suspect", "duration off: 2 s instead of about"),
    ({"late_s": 0.12}, "suspect", "late: the load generator did not run for 120 ms"),
    ({"lateness_fraction": 0.3}, "suspect", "late: 30% of the latency (p99) is the load"),
    ({"offered": 110_000}, "suspect", "short of the rate: 50,000 of 55,000 requests/s"),
    ({"elapsed_s": 4.3}, "suspect", "clocks differ: the load took 4.3 s, and 2 s by the load"),
]
"""What was done to real windows, one row each, as the collectors tell it."""
BAD += DISTURBANCES
HARMLESS = [
    {"failures": {"read": 0}},
    {"client_busy_fraction": 1.0, "server_busy_fraction": 0.91},
    {"steal_fraction": 0.01},
    {"duration_s": 2.1},
    {"duration_s": 1.1, "minimum_s": 0.9, "requested_s": 1.0},
    {"clock_step_s": 0.0005},
    {"server_cpu_s": 0.0, "answered": 100},
    {"server_cpu_s": None},
    {"others_at_server": 0.1, "others_at_client": 0.1, "waited_fraction": 0.1},
    {"others_before": 0.25},
    {"memory_stall_fraction": 0.01, "major_faults": 10},
    {"requested_s": None, "predicted_s": 1.4},
    {"elapsed_s": 2.65},
]


@pytest.mark.parametrize("known", [GOOD, {}], ids=["good", "nothing known"])
def test_what_has_no_fault_is_ok(known):
    assert window_verdict(WindowFacts(**known)) == (Verdict.OK, ())


@pytest.mark.parametrize(("change", "verdict", "keyword"), BAD)
def test_a_fault_has_its_verdict_and_keyword(change, verdict, keyword):
    actual, reasons = window_verdict(WindowFacts(**{**GOOD, **change}))
    assert (actual, len(reasons)) == (verdict, 1)
    assert reasons[0].startswith(keyword)


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_within_its_threshold_is_ok(change):
    assert window_verdict(WindowFacts(**{**GOOD, **change})) == (Verdict.OK, ())


INVALIDATING = [change for change, verdict, _ in BAD if verdict == "invalid"]


@pytest.mark.parametrize("grave", INVALIDATING)
def test_the_worst_fault_decides_and_the_other_is_still_reported(grave):
    verdict, reasons = window_verdict(WindowFacts(**{**GOOD, "loopback": True, **grave}))
    assert (verdict, len(reasons)) == (Verdict.INVALID, 2)


def test_grave_reasons_come_first():
    _, reasons = window_verdict(WindowFacts(loopback=True, failures={"timeout": 3}))
    assert [reason.split(":")[0] for reason in reasons] == ["failures", "loopback"]
