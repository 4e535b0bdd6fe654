# SPDX-License-Identifier: Apache-2.0
"""The search for the minimum memory."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featherbench.measuring.min_memory_search import (
    AmountOutcome,
    Attempt,
    Rules,
    Search,
    not_inferior_p,
)

RULES = Rules(reference_mib=512, step_mib=8, starts=3, margin=0.1, significance=0.05)


def attempt(memory_mib, requests_per_s, failure=""):
    return Attempt(memory_mib=memory_mib, requests_per_s=requests_per_s, failure=failure)


def searched(behaviour, rules=RULES):
    """Search to the end; `behaviour` returns the throughput with an amount, 0 for a failure."""
    search = Search(subject="s", rules=rules)
    while (size := search.next_mib()) is not None:
        rate = behaviour(size)
        search = search.after(attempt(size, rate, "" if rate else "it did not boot"))
        assert len(search.attempts) < 200
    return search


@settings(deadline=None, max_examples=40)
@given(need=st.integers(1, 512), seed=st.integers(0, 99))
@pytest.mark.slow
def test_the_smallest_amount_that_serves_is_found_in_steps(need, seed):
    rng = random.Random(seed)
    search = searched(lambda size: rng.gauss(1000, 5) if size >= need else 0)
    assert search.minimum_mib == (need if need <= 16 else 8 * math.ceil(need / 8))


def test_slower_by_more_than_the_margin_fails_and_by_less_suffices():
    rng = random.Random(1)
    search = searched(lambda size: rng.gauss(1000 if size >= 200 else 960, 5) * (size >= 104))
    assert search.minimum_mib == 104
    search = searched(lambda size: rng.gauss(1000 if size >= 200 else 800, 5) * (size >= 104))
    assert search.minimum_mib == 200
    assert search.next_below == (192, AmountOutcome.FAILS)


def test_reference_memory_is_tried_first_and_again_after_each_decision():
    search = searched(lambda size: 1000.0 if size >= 64 else 0)
    order = [made.memory_mib for made in search.attempts]
    assert order[:3] == [512, 512, 512]
    assert order[3:7] == [256, 256, 256, 512]
    assert len(search.reference) == 3 + search.decided


def test_one_failed_start_decides_nothing_and_two_do():
    search = Search(subject="s", rules=RULES)
    for made in [*[attempt(512, rate) for rate in (1000, 1001, 999)], attempt(256, 0, "hung")]:
        search = search.after(made)
    assert search.outcome(256) is AmountOutcome.UNDECIDED
    assert search.after(attempt(256, 0, "hung")).outcome(256) is AmountOutcome.FAILS


def test_scatter_within_the_margin_is_not_shown_and_reported():
    rates = iter([700, 1300] * 100)
    search = searched(lambda size: next(rates) if size < 512 else 1000.0)
    assert search.minimum_mib == 512
    assert search.next_below == (504, AmountOutcome.NOT_SHOWN)
    assert len(search.at(504)) == 6


def test_a_search_continues_from_its_record(tmp_path):
    complete = searched(lambda size: 1000.0 if size >= 72 else 0)
    half = complete.model_copy(update={"attempts": complete.attempts[:7]})
    half.write(tmp_path / "search.json")
    resumed = Search.read(tmp_path / "search.json")
    while (size := resumed.next_mib()) is not None:
        resumed = resumed.after(attempt(size, *((1000.0,) if size >= 72 else (0, "hung"))))
    assert resumed.minimum_mib == complete.minimum_mib
    assert len(resumed.attempts) == len(complete.attempts)


def test_an_instance_that_needs_almost_nothing_is_searched_to_1_mib():
    search = searched(lambda _size: 1000.0)
    assert search.minimum_mib == 1
    assert search.next_below is None


def test_the_test_is_one_sided():
    assert not_inferior_p([1000, 1001, 999], [1000, 1002, 998], 0.1) < 0.001
    assert not_inferior_p([800, 801, 799], [1000, 1002, 998], 0.1) > 0.999
    assert not_inferior_p([900.0], [1000.0], 0.1) == 1.0
    assert not_inferior_p([901.0], [1000.0], 0.1) == 0.0


def test_an_amount_is_rarely_sufficient_by_mistake():
    """With the true throughput just at the margin, a look errs in at most 2.5 % of cases."""
    rng = random.Random(7)

    def draw(mean):
        return [rng.gauss(mean, 30) for _ in range(3)]

    errors = sum(not_inferior_p(draw(900), draw(1000), 0.1) < 0.025 for _ in range(2000))
    assert errors / 2000 == pytest.approx(0.025, abs=0.012)
