# SPDX-License-Identifier: Apache-2.0
"""The search for the least memory that suffices."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featherbench.measuring.min_memory.search import Attempt, Outcome, Rules, Search, not_inferior_p

RULES = Rules(reference_mib=512, step_mib=8, starts=3, margin=0.1, significance=0.05)


def attempt(memory_mib, requests_per_s, failure=""):
    return Attempt(memory_mib=memory_mib, requests_per_s=requests_per_s, failure=failure)


def searched(behaviour, rules=RULES):
    """Search to the end; `behaviour` gives the throughput with an amount, 0 for a failure."""
    search = Search(subject="s", rules=rules)
    while (size := search.next_mib()) is not None:
        rate = behaviour(size)
        search = search.after(attempt(size, rate, "" if rate else "it did not boot"))
        assert len(search.attempts) < 200
    return search


@settings(deadline=None, max_examples=40)
@given(need=st.integers(1, 512), seed=st.integers(0, 99))
def test_the_least_that_serves_is_found_on_the_grid(need, seed):
    rng = random.Random(seed)
    found = searched(lambda size: rng.gauss(1000, 5) if size >= need else 0)
    assert found.least_mib == (need if need <= 16 else 8 * math.ceil(need / 8))


def test_slower_by_more_than_the_margin_fails_and_by_less_suffices():
    rng = random.Random(1)
    found = searched(lambda size: rng.gauss(1000 if size >= 200 else 960, 5) * (size >= 104))
    assert found.least_mib == 104
    found = searched(lambda size: rng.gauss(1000 if size >= 200 else 800, 5) * (size >= 104))
    assert found.least_mib == 200
    assert found.next_below == (192, Outcome.FAILS)


def test_ample_memory_is_tried_first_and_again_after_each_decision():
    found = searched(lambda size: 1000.0 if size >= 64 else 0)
    order = [each.memory_mib for each in found.attempts]
    assert order[:3] == [512, 512, 512]
    assert order[3:7] == [256, 256, 256, 512]
    assert len(found.ample) == 3 + found.decided


def test_one_failed_start_is_no_verdict_and_two_are():
    search = Search(subject="s", rules=RULES)
    for each in [*[attempt(512, rate) for rate in (1000, 1001, 999)], attempt(256, 0, "hung")]:
        search = search.after(each)
    assert search.outcome(256) is Outcome.UNDECIDED
    assert search.after(attempt(256, 0, "hung")).outcome(256) is Outcome.FAILS


def test_scatter_within_the_margin_is_not_shown_and_told():
    rates = iter([700, 1300] * 100)
    found = searched(lambda size: next(rates) if size < 512 else 1000.0)
    assert found.least_mib == 512
    assert found.next_below == (504, Outcome.NOT_SHOWN)
    assert len(found.at(504)) == 6


def test_a_search_goes_on_from_its_record(tmp_path):
    whole = searched(lambda size: 1000.0 if size >= 72 else 0)
    half = whole.model_copy(update={"attempts": whole.attempts[:7]})
    half.write(tmp_path / "search.json")
    resumed = Search.read(tmp_path / "search.json")
    while (size := resumed.next_mib()) is not None:
        resumed = resumed.after(attempt(size, *((1000.0,) if size >= 72 else (0, "hung"))))
    assert resumed.least_mib == whole.least_mib
    assert len(resumed.attempts) == len(whole.attempts)


def test_an_instance_that_needs_next_to_nothing():
    found = searched(lambda _size: 1000.0)
    assert found.least_mib == 1
    assert found.next_below is None


def test_the_test_is_one_sided():
    assert not_inferior_p([1000, 1001, 999], [1000, 1002, 998], 0.1) < 0.001
    assert not_inferior_p([800, 801, 799], [1000, 1002, 998], 0.1) > 0.999
    assert not_inferior_p([900.0], [1000.0], 0.1) == 1.0
    assert not_inferior_p([901.0], [1000.0], 0.1) == 0.0


def test_wrongly_sufficient_is_rare():
    """With the true throughput just at the margin, a look errs in at most 2.5 % of cases."""
    rng = random.Random(7)

    def draw(mean):
        return [rng.gauss(mean, 30) for _ in range(3)]

    errors = sum(not_inferior_p(draw(900), draw(1000), 0.1) < 0.025 for _ in range(2000))
    assert errors / 2000 == pytest.approx(0.025, abs=0.012)
