# SPDX-License-Identifier: Apache-2.0
"""The search for a capacity, on simulated servers with one queue."""

import math
import random
import statistics
from dataclasses import dataclass, field

import pytest

from featherbench.measuring.capacity_search import Ending, OpenWindow, Rules, Search

RULES = Rules(objective_ms=5, window_s=0.5, precision=0.03, most_windows=30)
CONNECTIONS = 100


@dataclass(kw_only=True)
class Queue:
    """A server that answers one request after the other, over CONNECTIONS from an idle start.

    Its times of service are constant or `exponential`. With `stalls_per_s` it stands still that
    often, at random, for `stall_s`. `fails_above` is a rate from which on requests fail.
    """

    rate_per_s: float
    exponential: bool = False
    stalls_per_s: float = 0.0
    stall_s: float = 0.05
    fails_above: float = math.inf
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def window(self, rate_per_s: float, window_s: float) -> OpenWindow:
        stalls = self._arrivals(self.stalls_per_s, window_s)
        due, ends = self._arrivals(rate_per_s, window_s), list[float]()
        free_s = 0.0
        for due_s in due:
            begin_s = max(free_s, due_s)
            while stalls and stalls[0] <= begin_s:
                begin_s = max(begin_s, stalls.pop(0) + self.stall_s)
            free_s = begin_s + self._service_s()
            ends.append(free_s)
        answered = sum(end_s <= window_s for end_s in ends)
        sent = min(len(due), answered + CONNECTIONS)
        latencies = sorted(
            1e3 * (end_s - due_s) for due_s, end_s in zip(due[:sent], ends[:sent], strict=True)
        )
        failing = rate_per_s > self.fails_above
        return OpenWindow(
            rate_per_s=rate_per_s,
            offered=len(due),
            answered=answered,
            p99_ms=latencies[math.ceil(0.99 * sent) - 1] if sent else None,
            failures={"timeout": 1} if failing else {},
        )

    def _arrivals(self, rate_per_s: float, window_s: float) -> list[float]:
        times_s, time_s = list[float](), 0.0
        while rate_per_s and (time_s := time_s + self.chance.expovariate(rate_per_s)) < window_s:
            times_s.append(time_s)
        return times_s

    def _service_s(self) -> float:
        mean_s = 1 / self.rate_per_s
        return self.chance.expovariate(1 / mean_s) if self.exponential else mean_s


def searched(server, rules=RULES, reach_per_s=None):
    """Search the capacity of a server, whose closed loop reaches all that it can answer."""
    search = Search(rules=rules, reach_per_s=reach_per_s or server.rate_per_s)
    while (rate_per_s := search.next_per_s()) is not None:
        search = search.after(server.window(rate_per_s, rules.window_s))
    return search


def window(rate_per_s=1000.0, **changes):
    seen = {"rate_per_s": rate_per_s, "offered": 500, "answered": 500, "p99_ms": 1.0}
    return OpenWindow(**seen | changes)


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"p99_ms": 5.0}, True),
        ({"p99_ms": 5.1}, False),
        ({"p99_ms": None, "answered": 0}, False),
        ({"failures": {"reset": 1}}, False),
        ({"answered": 490}, True),
        ({"answered": 489}, False),
        ({"offered": 100, "answered": 95}, True),
        ({"offered": 100, "answered": 94}, False),
    ],
)
def test_a_window_passes_with_the_objective_the_rate_and_no_failure(changes, passed):
    assert RULES.passed(window(**changes)) is passed


@pytest.mark.parametrize(
    ("votes", "passed"),
    [("", None), ("y", None), ("yy", True), ("nn", False), ("yny", True), ("nyn", False)],
)
def test_a_rate_is_judged_by_the_majority_of_up_to_three_windows(votes, passed):
    windows = tuple(window(p99_ms=1.0 if vote == "y" else 9.0) for vote in votes)
    assert Search(rules=RULES, reach_per_s=1000, windows=windows).passed(1000.0) is passed


def rates(search):
    return list(dict.fromkeys(window.rate_per_s for window in search.windows))


def test_from_the_reach_it_goes_down_in_growing_steps_and_then_between_the_bounds():
    search = searched(Queue(rate_per_s=3_900), reach_per_s=10_000)
    down = rates(search)[:3]
    assert down == pytest.approx([10_000, 10_000 / 1.25, 10_000 / 1.25**3])
    assert rates(search)[3:5] == pytest.approx([10_000 / 1.25**7, 10_000 / 1.25**5])
    assert search.ending is Ending.PRECISE
    assert 0.85 * 3_900 < search.capacity_per_s < 3_900


def test_from_a_reach_that_passes_it_goes_up():
    search = searched(Queue(rate_per_s=5_000), reach_per_s=2_000)
    assert rates(search)[:2] == pytest.approx([2_000, 2_500])
    assert 0.85 * 5_000 < search.capacity_per_s < 5_000


def test_what_never_passes_ends_at_the_lowest_rate():
    slow = Queue(rate_per_s=10_000, stalls_per_s=100, stall_s=0.02)
    search = searched(slow)
    assert search.ending is Ending.NEVER_PASSED
    assert search.capacity_per_s is None
    assert search.failing_per_s == RULES.least_per_s
    assert len(search.windows) <= 12


def test_what_always_passes_ends_after_the_most_windows_without_a_limit():
    search = searched(Queue(rate_per_s=1e9), reach_per_s=1_000)
    assert search.ending is Ending.MOST_WINDOWS
    assert len(search.windows) == 30
    assert search.failing_per_s is None


def test_too_few_windows_leave_bounds_that_are_too_far_apart():
    search = searched(Queue(rate_per_s=10_000), RULES.model_copy(update={"most_windows": 4}))
    assert search.ending is Ending.MOST_WINDOWS
    assert search.capacity_per_s == pytest.approx(8_000)
    assert search.failing_per_s == pytest.approx(10_000)


def test_rates_at_which_requests_fail_are_too_much():
    search = searched(Queue(rate_per_s=10_000, fails_above=6_000))
    assert search.ending is Ending.PRECISE
    assert 6_000 / 1.03 <= search.capacity_per_s <= 6_000


def test_the_windows_that_decide_are_the_majority_at_the_bounds():
    search = Search(rules=RULES, reach_per_s=1_000.0)
    for rate_per_s, p99_ms in [(1_000, 9), (1_000, 9), (800, 9), (800, 1), (800, 1)]:
        search = search.after(window(rate_per_s, p99_ms=p99_ms))
    assert [search.decided(one) for one in search.windows] == [True, True, False, True, True]


SHARP = {"rate_per_s": 10_000.0}
"""A long simulation has a p99 of 5 ms at 9,545 requests/s."""
SOFT = {"rate_per_s": 3_000.0, "exponential": True}
"""M/M/1, whose p99 is 5 ms at 3,000 - ln(100) / 5 ms = 2,079 requests/s."""
STALLING = {"stalls_per_s": 0.1}
"""One window in twenty has a stall of 50 ms, which alone spoils its p99."""


@pytest.mark.parametrize(
    ("server", "truth", "bias", "spread"),
    [
        (SHARP, 9_545, (0.005, 0.025), 0.025),
        (SOFT, 2_079, (0.02, 0.09), 0.09),
        (SHARP | STALLING, 9_545, (0, 0.025), 0.04),
        (SOFT | STALLING, 2_079, (-0.02, 0.07), 0.12),
    ],
)
def test_it_finds_the_capacity_of_simulated_servers(server, truth, bias, spread):
    found = [searched(Queue(**server, chance=random.Random(seed))) for seed in range(25)]
    logs = [math.log(search.capacity_per_s / truth) for search in found]
    assert bias[0] <= statistics.mean(logs) <= bias[1]
    assert statistics.stdev(logs) <= spread
    assert statistics.mean(len(search.windows) for search in found) <= 16
