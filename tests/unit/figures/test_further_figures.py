# SPDX-License-Identifier: Apache-2.0
"""Figures of the kinds that the paper does not have.

By `figures/forest_plot.py`, `figures/latency_throughput.py`, `figures/latency_at_rate.py`,
`figures/quantile_plot.py`, `figures/distribution.py`, `figures/run_order.py` and
`figures/time_to_first_packet.py`.
"""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from builders import METRICS
from featherbench.figures.catalogue import FURTHER_FIGURES, FigureKind, emulated
from featherbench.figures.forest_plot import round_ratios
from featherbench.figures.render import FigureData, figure
from featherbench.figures.theme import style
from featherbench.figures.transforms import relative_to_median
from featherbench.statistics.data.histograms import quantile_table
from featherbench.statistics.data.samples import gather, per_stratum
from featherbench.statistics.inference.ratios import ratios
from featherbench.statistics.summary import summarize
from featherbench.statistics.time_to_first_packet import crossing_bandwidths
from studies import layers

mpl.use("agg")
BY_NAME = {spec.name: spec for spec in FURTHER_FIGURES}


def _drawn(name, study, samples, compared=None):
    if compared is None and BY_NAME[name].kind is FigureKind.RATIOS:
        compared = ratios(samples, study.plan.baseline, 0.05, 1)
    return _figure(BY_NAME[name], study.plan, samples, summarize(samples), compared)


def _figure(spec, plan, samples, summary, compared):
    data = FigureData(plan=plan, samples=samples, summary=summary, ratios=compared)
    return figure(spec.for_plan(plan), data)


def test_every_ratio_stands_by_its_platform_and_pale_where_it_may_be_chance(twelve):
    compared = ratios(twelve.samples, "linux-native", 0.05, 1)
    compared["p_adj"] = np.where(compared["platform"] == "osv-kvm", 0.4, 0.001)
    drawn = _drawn("fig7a_http_ratios", twelve, twelve.samples, compared).data
    expected = compared[compared["metric"] == "http_throughput"]
    assert sorted(drawn["ratio"]) == sorted(expected["ratio"])
    assert set(drawn.loc[drawn["alpha"] < 1, "platform"]) == {"osv-kvm"}
    rows = drawn.groupby("platform")["place"].agg(["min", "max"]).sort_values("min")
    assert (rows["max"].shift().dropna() < rows["min"].iloc[1:]).all()


def test_few_levels_have_their_ratios_written_beside_them(make, tmp_path):
    study = make.study(make.plan(make.TWO, levels=(1, 64)), tmp_path)
    (texts,) = layers(_drawn("fig7b_kv_ratios", study, study.samples), "geom_text")
    assert len(texts) == 4
    assert texts["text"].str.fullmatch(r"0\.\d{3} at (1|64)").all()


def test_latency_meets_the_throughput_of_the_same_platform_and_level(two):
    table = _drawn("fig8b_kv_latency_against_throughput", two, two.samples).data
    summary = summarize(two.samples).set_index(["platform", "metric", "level"])
    for row in table.to_dict("records"):
        metric = "kv_get" if row["panel"].startswith("Redis GET") else "kv_set"
        statistic = "p50" if row["panel"].endswith("median") else "p99"
        where = row["platform"], row["level"]
        latency = summary.loc[(where[0], f"{metric}_latency_{statistic}", where[1]), "mean"]
        rate = summary.loc[(where[0], f"{metric}_throughput", where[1]), "mean"]
        assert (row["mean_ms"], row["mean"]) == (pytest.approx(latency / 1000), rate)


def test_along_a_line_connections_grow(two):
    (path,) = layers(_drawn("fig8a_http_latency_against_throughput", two, two.samples), "geom_path")
    for _, line in path.groupby(["label", "panel"], observed=True):
        assert line["level"].is_monotonic_increasing


def test_a_load_generator_with_only_a_mean_latency_has_that_drawn(two):
    known = ~two.samples["metric"].str.contains(r"_latency_(?!mean)")
    table = _drawn("fig8a_http_latency_against_throughput", two, two.samples[known]).data
    assert set(table["panel"]) == {"HTTP, mean"}


@pytest.mark.parametrize(
    "name", ["fig8a_http_latency_against_throughput", "fig10_run_order", "fig11_provisioning"]
)
def test_a_platform_looks_the_same_in_every_legend(name, twelve):
    plot = _drawn(name, twelve, twelve.samples)
    scales = {scale.aesthetics[0]: scale for scale in plot.scales if hasattr(scale, "limits")}
    looks = zip(scales["color"].palette(9), scales["shape"].palette(9), strict=False)
    legend = dict(zip(scales["color"].limits, looks, strict=False))
    assert len(legend) >= 9
    for platform, (colour, shape) in legend.items():
        technology, hypervisor = platform.partition("+")[0].split("-")
        look = style(platform, technology, hypervisor)
        assert (colour, shape) == (look.colour, look.shape), platform


def test_every_valid_window_is_a_dot_and_every_deployment_a_line(two):
    valid = two.samples.query("metric == 'http_throughput' and verdict != 'invalid'")
    drawn = _drawn("fig9a_http_distribution", two, two.samples).data
    assert len(drawn) == len(valid)
    assert drawn.groupby("platform")["place"].nunique().eq(3).all()
    assert drawn.groupby("place")["deployment"].nunique().eq(1).all()
    first = drawn.groupby(["platform", "deployment"])["place"].first()
    assert (first.groupby("platform").diff().dropna() < 0).all()


def test_relative_values_have_the_median_one_and_none_if_the_median_is_zero(two):
    relative = relative_to_median(two.samples[two.samples["primary"]])
    medians = relative.groupby(["platform", "metric", "level"])["value"].median()
    assert np.allclose(medians, 1)
    assert relative_to_median(two.samples.assign(value=0.0)).empty


def test_drift_is_seen_in_the_blocks(two):
    samples = two.samples.assign(value=two.samples["value"] * 1.1 ** two.samples["deployment"])
    (line,) = layers(_drawn("fig10_run_order", two, samples), "geom_line")
    for _, blocks in line.groupby("panel", observed=True):
        assert blocks.sort_values("sequence")["value"].is_monotonic_increasing
        assert blocks["value"].iloc[-1] / blocks["value"].iloc[0] == pytest.approx(1.21, abs=0.1)


def test_the_run_order_has_every_metric_unless_each_series_of_it_has_one_value(two):
    plot = _drawn("fig10_run_order", two, two.samples)
    assert set(plot.data["workload"]) == {"http", "kv", "startup", "latency", "memory"}
    assert plot.data["sequence"].nunique() > 100
    samples = two.samples
    once = (samples["deployment"] == 1) & (samples["window"] == 1)
    plot = _drawn("fig10_run_order", two, samples[(samples["workload"] != "memory") | once])
    assert set(plot.data["workload"]) == {"http", "kv", "startup", "latency"}
    plot = _drawn("fig10_run_order", two, samples[once])
    assert "memory" in set(plot.data["workload"])


def test_intervals_of_throughput_do_not_reach_below_zero(two):
    summary = summarize(two.samples).assign(ci_low=-1.0)
    spec = BY_NAME["fig8a_http_latency_against_throughput"]
    plot = _figure(spec, two.plan, two.samples, summary, None)
    assert (plot.data["ci_low"] == 0).all()


def test_the_rings_are_where_the_table_says_that_the_winner_changes(twelve):
    plot = _drawn("fig11_provisioning", twelve, twelve.samples)
    texts = layers(plot, "geom_text")[0]
    table = crossing_bandwidths(twelve.samples, METRICS)
    changing = table[table["changes_the_winner"]]
    shown = changing[changing["bandwidth_mbit_s"].between(1, 100_000)]
    assert sorted(texts["bandwidth"]) == pytest.approx(sorted(shown["bandwidth_mbit_s"]))
    assert len(texts) >= 2


def test_the_lines_are_transfer_and_start(two):
    data = _drawn("fig11_provisioning", two, two.samples).data
    slow = data[(data["bandwidth"] == data["bandwidth"].min()) & (data["panel"] == "http")]
    sizes = {"linux-native": 2256.0 * 0.4, "docker-native": 355.0 * 0.4}
    starts = two.samples.query("metric == 'startup_time' and verdict != 'invalid'")
    for row in slow.to_dict("records"):
        own = starts[starts["platform"] == row["platform"]]
        start_s = own.groupby("deployment")["value"].mean().mean()
        assert row["time"] == pytest.approx(sizes[row["platform"]] * 8 * 1.048576 + start_s)


@pytest.mark.parametrize("name", ["fig7a_http_ratios", "fig10_run_order", "fig11_provisioning"])
def test_no_figure_shows_emulated_platforms_beside_others(name, nine):
    compared = per_stratum(
        lambda rows: ratios(rows, "linux-native", 0.05, 1), nine.samples, baseline="linux-native"
    )
    summary = summarize(nine.samples)
    for spec in (BY_NAME[name], emulated(BY_NAME[name])):
        shown = set(_figure(spec, nine.plan, nine.samples, summary, compared).data["hypervisor"])
        assert shown == {"tcg"} if spec.emulated else "tcg" not in shown
        assert "kvm" in shown or spec.emulated


def test_hollow_marks_are_the_suspect_ones(two):
    samples = two.samples.assign(verdict="ok")
    odd = (samples["platform"] == "docker-native") & (samples["deployment"] == 2)
    samples["verdict"] = samples["verdict"].mask(odd, "suspect")
    for name in ("fig9a_http_distribution", "fig10_run_order"):
        hollow = layers(_drawn(name, two, samples), "geom_point")[1]
        assert set(zip(hollow["platform"], hollow["deployment"], strict=True)) == {
            ("docker-native", 2)
        }


def test_an_unknown_metric_of_a_plugin_has_a_panel_in_the_run_order(two):
    samples = two.samples.assign(metric=two.samples["metric"].replace("startup_time", "boot_x"))
    panels = _drawn("fig10_run_order", two, samples).data["panel"]
    assert "boot x" in set(panels)
    assert isinstance(panels.dtype, pd.CategoricalDtype)


@pytest.mark.parametrize(
    ("limits", "some"),
    [((0.55, 1.3), {0.7, 1, 1.2}), ((0.02, 1.5), {0.1, 0.5, 1}), ((0.8, 1e4), {1, 100})],
)
def test_the_axis_of_ratios_has_round_numbers_that_do_not_touch(limits, some):
    found = round_ratios(limits)
    assert some <= set(found)
    assert 4 <= len(found) <= 15
    steps = np.diff(np.log(found)) / np.log(limits[1] / limits[0])
    assert steps.min() >= 0.11 - 1e-9


@pytest.fixture(scope="module")
def offered(make, tmp_path_factory):
    """Three platforms at rates up to some that only the first reaches, and their capacities."""
    names = ("linux-native", "docker-native", "lxd-native")
    levels, workloads = (1, "r5000", "r20000", "r70000"), ("http", "kv", "capacity")
    plan = make.plan(names, levels=levels, workloads=workloads)
    return make.study(plan, tmp_path_factory.mktemp("offered"))


def test_latencies_at_a_rate_are_those_of_the_open_loop_by_percentile(offered):
    table = _drawn("fig13b_kv_latency_at_rate", offered, offered.samples).data
    summary = summarize(offered.samples).set_index(["platform", "metric", "level"])
    assert len(table) == 3 * 3 * 3 * 2
    statistics = {"median": "p50", "p99": "p99", "p99.9": "p999"}
    for row in table.to_dict("records"):
        operation = row["panel"].lower().replace("redis ", "kv_")
        metric = f"{operation}_open_latency_{statistics[row['percentile']]}"
        mean_us = summary.loc[(row["platform"], metric, row["level"]), "mean"]
        assert row["mean"] == pytest.approx(mean_us / 1000)


def test_where_the_rate_was_not_reached_the_mark_is_hollow(offered):
    plot = _drawn("fig13a_http_latency_at_rate", offered, offered.samples)
    hollow = layers(plot, "geom_point")[-1]
    reached = set(hollow.loc[hollow["platform"] == "linux-native", "level"])
    assert not reached
    missed = hollow[hollow["level"] == 70_000]
    assert set(missed["platform"]) == {"docker-native", "lxd-native"}
    assert set(missed["percentile"]) == {"median", "p99", "p99.9"}


@pytest.mark.parametrize(
    ("levels", "x"),
    [
        (("r5000", "r20000"), "offered rate [requests/s]"),
        (("r10pc", "r90pc"), "offered rate [% of what the baseline reaches]"),
    ],
)
def test_the_axis_says_what_the_rate_is_counted_in(make, tmp_path, levels, x):
    study = make.study(make.plan(make.TWO, levels=levels, workloads=("http",)), tmp_path)
    assert _drawn("fig13a_http_latency_at_rate", study, study.samples).labels.x == x


def test_capacities_stand_beside_their_ratios_with_the_baselines(offered):
    table = _drawn("fig14_capacity_ratios", offered, offered.samples).data
    summary = summarize(offered.samples).set_index(["platform", "metric"])["mean"]
    assert set(table["platform"]) == {"linux-native", "docker-native", "lxd-native"}
    for row in table.to_dict("records"):
        assert row["amount"] == summary[row["platform"], row["metric"]]
        assert row["text"].endswith(f": {row['amount']:,.0f}")
    assert set(table.loc[table["platform"] == "linux-native", "ratio"]) == {1.0}


def test_the_order_of_the_run_keeps_open_and_closed_loop_apart(offered):
    drawn = _drawn("fig10_run_order", offered, offered.samples).data
    metrics = drawn.groupby("panel", observed=True)["metric"].nunique()
    assert metrics.eq(1).all()
    assert len(metrics) == 8


@pytest.fixture(scope="module")
def quantiles(offered):
    latencies = {}
    gather(offered.plan, offered.cells, latencies)
    return quantile_table(latencies)


def _of_quantiles(name, study, quantiles):
    data = FigureData(
        plan=study.plan,
        samples=study.samples,
        summary=study.samples.head(0),
        ratios=pd.DataFrame(),
        quantiles=quantiles,
    )
    return figure(BY_NAME[name].for_plan(study.plan), data)


def test_latencies_by_quantile_have_a_line_for_each_platform_and_a_panel_for_each_rate(
    offered, quantiles
):
    table = _of_quantiles("fig15b_kv_latency_quantiles", offered, quantiles).data
    rates = [f"{rate} requests/s" for rate in ("5,000", "20,000", "70,000")]
    panels = [f"Redis {operation}, {rate}" for operation in ("GET", "SET") for rate in rates]
    assert list(table["panel"].cat.categories) == panels
    lines = table.groupby(["panel", "label"], observed=True)
    assert lines.ngroups == 6 * 3
    for _, line in lines:
        in_order = line.sort_values("nines")
        assert in_order["value_ms"].is_monotonic_increasing
        assert in_order["quantile"].is_monotonic_increasing
    at = table[table["quantile"] == 0.999]
    assert np.allclose(at["nines"], 3)


def test_of_many_rates_those_from_the_least_to_the_greatest_are_shown(offered, quantiles):
    of_http = quantiles[quantiles["metric"] == "http_open_latency"]
    one = of_http[of_http["load_point"] == "r5000"]
    many = pd.concat(
        [one.assign(level=level, load_point=f"r{level}") for level in range(1000, 11_000, 1000)]
    )
    table = _of_quantiles("fig15a_http_latency_quantiles", offered, many).data
    shown = sorted(set(table["level"]))
    assert len(shown) == 6
    assert (shown[0], shown[-1]) == (1000, 10_000)
