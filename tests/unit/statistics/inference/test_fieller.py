# SPDX-License-Identifier: Apache-2.0
"""The interval of a ratio of two means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from featherbench.statistics.inference.ratios import ratio_interval


def test_a_certain_base_scales_the_means_own_interval():
    assert ratio_interval(10, 4, reach=2, base_reach=0) == pytest.approx((2, 3))


def test_an_uncertain_base_widens_it_upwards_more():
    low, high = ratio_interval(10, 4, reach=2, base_reach=1)
    assert low < 2
    assert high > 3
    assert high - 2.5 > 2.5 - low


def test_a_base_that_may_be_zero_has_no_interval():
    assert all(map(math.isnan, ratio_interval(10, 1, reach=2, base_reach=1)))


def test_the_bounds_are_where_the_difference_from_zero_is_just_significant():
    for bound in ratio_interval(7, 5, reach=0.8, base_reach=0.6):
        assert abs(7 - bound * 5) == pytest.approx(math.hypot(0.8, bound * 0.6))


def test_it_covers_as_often_as_it_says():
    rng, quantile = np.random.default_rng(1), stats.norm.ppf(0.975)
    means, bases = rng.normal(6, 0.5, 4000), rng.normal(3, 0.3, 4000)
    found = [
        ratio_interval(mean, base, reach=quantile * 0.5, base_reach=quantile * 0.3)
        for mean, base in zip(means, bases, strict=True)
    ]
    covered = np.mean([low <= 2 <= high for low, high in found])
    assert 0.94 < covered < 0.96
