# SPDX-License-Identifier: Apache-2.0
"""The search for the greatest rate at which a server keeps an objective of latency.

It begins at the rate that a closed loop reached: from there in geometric steps, which grow
downwards, until one rate passes and one fails, and then between the two. A rate is judged by the
majority of up to three windows, so that one stall decides nothing. The search is pure: the next
rate to offer follows from the windows.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from featherbench.measuring.window_verdict import is_short_of_rate
from featherbench.records.base import Count, Record

STEP = 1.25
"""The first step down, and every step up. Later steps down are this to the powers 2, 4, 8, …"""
MAJORITY = 2
"""Of up to three windows."""
LEAST_REQUESTS = 100
"""A p99 of fewer requests is their maximum."""


class Ending(StrEnum):
    """Why a search ended."""

    PRECISE = "the bounds are within the precision"
    MOST_WINDOWS = "as many windows as allowed"
    NEVER_PASSED = "not even the lowest rate passed"


class OpenWindow(Record):
    """One window at an offered rate; `p99_ms` is None if nothing was answered.

    Latencies count from the moment when a request was due, `lateness_p99_ms` is the load
    generator's own part. `failures` are by kind.
    """

    rate_per_s: Annotated[float, Field(gt=0)]
    offered: Count
    answered: Count
    p99_ms: float | None
    lateness_p99_ms: float = 0.0
    failures: dict[str, Count] = Field(default_factory=dict)


class Rules(Record):
    """The rules of a search; `precision` is a fraction."""

    objective_ms: float
    window_s: float
    precision: float
    most_windows: int

    @property
    def least_per_s(self) -> float:
        """The lowest rate that is tried."""
        return LEAST_REQUESTS / self.window_s

    def passed(self, window: OpenWindow) -> bool:
        """Return whether a window kept the objective, reached the rate, and had no failure."""
        return (
            window.p99_ms is not None
            and window.p99_ms <= self.objective_ms
            and not window.failures
            and not is_short_of_rate(window.offered, window.answered)
        )


class Search(Record):
    """A search, finished or not, with its windows in their order."""

    rules: Rules
    reach_per_s: Annotated[float, Field(ge=0)]
    windows: tuple[OpenWindow, ...] = ()

    def after(self, window: OpenWindow) -> Search:
        """Return the search with one more window."""
        return self.model_copy(update={"windows": (*self.windows, window)})

    def passed(self, rate_per_s: float) -> bool | None:
        """Return whether a rate passed; None: undecided."""
        votes = [self.rules.passed(w) for w in self.windows if w.rate_per_s == rate_per_s]
        decided = [vote for vote in (True, False) if votes.count(vote) >= MAJORITY]
        return decided[0] if decided else None

    def _judged(self, *, passed: bool) -> list[float]:
        rates = sorted({window.rate_per_s for window in self.windows})
        return [rate for rate in rates if self.passed(rate) is passed]

    @property
    def capacity_per_s(self) -> float | None:
        """The greatest rate that passed; None if none did."""
        return max(self._judged(passed=True), default=None)

    @property
    def failing_per_s(self) -> float | None:
        """The smallest rate that failed; None if none did."""
        return min(self._judged(passed=False), default=None)

    def next_per_s(self) -> float | None:
        """Return the rate of the next window; None if the search is over."""
        return None if self.ending else self._next_per_s

    @property
    def _next_per_s(self) -> float:
        passing, failing = self.capacity_per_s, self.failing_per_s
        if self.windows and self.passed(self.windows[-1].rate_per_s) is None:
            return self.windows[-1].rate_per_s
        if passing is not None and failing is not None:
            return math.sqrt(passing * failing)
        if passing is not None:
            return passing * STEP
        if failing is None:
            return max(self.reach_per_s, self.rules.least_per_s)
        growth = math.pow(STEP, 2 ** len(self._judged(passed=False)) - 1)
        return max(self.reach_per_s / growth, self.rules.least_per_s)

    @property
    def ending(self) -> Ending | None:
        """Why the search is over; None if it is not."""
        passing, failing = self.capacity_per_s, self.failing_per_s
        if failing is not None and passing and failing / passing <= 1 + self.rules.precision:
            return Ending.PRECISE
        if failing is not None and failing <= self.rules.least_per_s:
            return Ending.NEVER_PASSED
        return Ending.MOST_WINDOWS if len(self.windows) >= self.rules.most_windows else None

    def decided(self, window: OpenWindow) -> bool:
        """Return whether a window is of the majority at one of the two bounds."""
        rate = window.rate_per_s
        is_bound = rate in {self.capacity_per_s, self.failing_per_s}
        return is_bound and self.rules.passed(window) is self.passed(rate)
