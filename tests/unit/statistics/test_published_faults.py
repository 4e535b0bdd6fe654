# SPDX-License-Identifier: Apache-2.0
"""Faults of published measurements: each would be found here; on published figures where known."""

import numpy as np
import pytest

from builders import METRICS
from featherbench.measuring.window_verdict import WindowFacts, window_verdict
from featherbench.records.cell import Verdict
from featherbench.statistics.data.replicates import comparisons
from featherbench.statistics.design.variance_components import components
from featherbench.statistics.diagnostics.assumptions import checks
from featherbench.statistics.diagnostics.screening import screen
from featherbench.statistics.inference.anova import analyse
from featherbench.statistics.inference.ratios import ratios

REDIS_REQUESTS, REDIS_RATE, REDIS_TICK_S = 100_000, 1.71e6, 1e-3
"""The paper's runs of redis-benchmark on bare Linux: 58 ms, on a clock that ticks in whole ms."""


def keyword(facts):
    verdict, reasons = window_verdict(facts)
    return verdict, reasons[0].partition(":")[0]


def found(samples):
    table = checks(samples)
    return set(table.loc[table["found"], "check"])


def test_a_run_of_58_ms_on_a_clock_of_milliseconds():
    duration_s = REDIS_REQUESTS / REDIS_RATE
    assert duration_s == pytest.approx(0.058, abs=0.001)
    facts = WindowFacts(duration_s=duration_s, clock_tick_s=REDIS_TICK_S)
    assert keyword(facts) == (Verdict.INVALID, "clock too coarse")


@pytest.mark.parametrize("least_ms", [37, 58])
def test_figures_that_are_a_clocks_ticks(nested, least_ms):
    """eurosys21: runs of 37 to 60 ms, timed in whole milliseconds."""
    samples = nested(deployments=1, windows=30)
    ticks_ms = np.round(least_ms + (samples["value"] / 1000 - 1) * 10)
    screened = screen(samples.assign(value=REDIS_REQUESTS / ticks_ms * 1000), METRICS)
    assert screened["reasons"].str.contains("few distinct values").all()


@pytest.mark.slow
def test_windows_passed_off_as_replicates(nested):
    """seL4/sel4bench#81: two cycles within a run, another mean on the next."""
    samples = nested(metrics=100, deployments=3, windows=30, between=0.05, within=0.002)
    table = analyse(comparisons(samples))
    by_windows = table.loc[table["replicate"] == "window", "p"] < 0.05
    ours = ratios(samples, "linux-native", 0.05, 1)["p"] < 0.05
    assert by_windows.mean() > 0.8  # of platforms that are the same
    assert ours.mean() < 0.12
    assert (components(samples, 0.02)["understated"] > 4).mean() > 0.99
    assert "deployments alike" in found(samples)


def test_failures_are_not_throughput():
    """weighttp's requests per second count the failed ones, too."""
    facts = WindowFacts(failures={"non-2xx": 12}, answered=99_988)
    assert keyword(facts) == (Verdict.INVALID, "failures")


def test_the_client_was_the_bottleneck():
    facts = WindowFacts(client_busy_fraction=0.99, server_busy_fraction=0.4)
    assert keyword(facts) == (Verdict.SUSPECT, "client saturated")
    both = WindowFacts(client_busy_fraction=0.99, server_busy_fraction=0.97)
    assert window_verdict(both)[0] is Verdict.OK


def test_clocks_of_two_machines_subtracted(nested):
    """kata-containers reported a boot of minus twelve billion per cent."""
    samples = nested(metrics=1).assign(unit="s", metric="startup_time")
    samples.loc[4, "value"] = -1.2e8
    screened = screen(samples, METRICS)
    assert screened.loc[4, "verdict"] == "invalid"
    assert screened.loc[4, "reasons"].startswith("impossible")
    assert (screened["verdict"] == "invalid").sum() == 1
