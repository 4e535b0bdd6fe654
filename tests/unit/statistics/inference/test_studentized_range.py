# SPDX-License-Identifier: Apache-2.0
"""The distribution of the studentized range, as scipy has it."""

import numpy as np
import pytest
from scipy import stats

from featherbench.statistics.inference.studentized_range import critical, survival


@pytest.mark.parametrize("means", [2, 3, 12, 20])
@pytest.mark.parametrize("df", [2, 6, 24, 5000])
def test_it_is_scipys(means, df):
    q = np.array([0.5, 2.0, 3.5, 5.0])
    expected = stats.studentized_range.sf(q, means, df)
    assert survival(q, means, df) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("df", [1, 3, 30])
def test_two_means_are_a_t_test_far_into_the_tail(df):
    q = np.array([0.0, 1.0, 10.0, 1e3, 1e5])
    expected = 2 * stats.t.sf(q / np.sqrt(2), df)
    assert survival(q, 2, df) == pytest.approx(expected, rel=1e-5)


def test_small_values_are_bounds_and_no_noise():
    q = np.array([8.0, 12.0, 20.0, 40.0])
    found = survival(q, 12, 500)
    assert (np.diff(found) < 0).all()
    assert found[0] == pytest.approx(stats.studentized_range.sf(8.0, 12, 500), rel=0.03)
    assert (found > 0).all()


@pytest.mark.parametrize(
    ("means", "df", "tabled"), [(3, 10, 3.877), (5, 20, 4.232), (10, 60, 4.646), (2, 1, 17.97)]
)
def test_the_critical_values_are_those_of_the_tables(means, df, tabled):
    assert critical(0.95, means, df) == pytest.approx(tabled, abs=0.005)
