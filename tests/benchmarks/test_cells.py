# SPDX-License-Identifier: Apache-2.0
"""What the windows of a cell cost beside themselves, with a load generator that is kept open."""

import time
from itertools import pairwise

import pytest

from builders import offered
from featherbench import registry

WINDOW_S, WINDOWS, CONNECTIONS = 0.5, 2, 100
MOST_OVERHEAD_S, MOST_PAIR_S = 0.3, 1.15

pytestmark = [pytest.mark.benchmark, pytest.mark.testbed]


@pytest.mark.parametrize("service", ["http", "kv"])
def test_a_cell_costs_little_more_than_its_windows(service, deployed, tell):
    """A pair is two windows in a row, from the beginning of one to that of the next but one."""
    bench = deployed(service, "featherbench", {"window_s": WINDOW_S}, CONNECTIONS)
    began_s = time.monotonic()
    windows = registry.load("workloads", service).measure(bench, offered(CONNECTIONS), WINDOWS)
    elapsed_s = time.monotonic() - began_s
    overhead_s = elapsed_s - sum(window.duration_s for window in windows)
    starts_s = sorted(window.started_monotonic_s for window in windows)
    between_s = [later - earlier for earlier, later in pairwise(starts_s)]
    tell(
        f"{service}: {len(windows)} windows, {overhead_s:.3f} s beside them; from one to the next"
        f" {', '.join(f'{s:.3f}' for s in between_s)} s;"
        f" {[reason for window in windows for reason in window.reasons]}"
    )
    assert overhead_s < MOST_OVERHEAD_S
    assert 2 * max(between_s) < MOST_PAIR_S
