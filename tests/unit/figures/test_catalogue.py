# SPDX-License-Identifier: Apache-2.0
"""The catalogue: which figures a plan has, and their captions."""

import subprocess
import sys
from pathlib import Path

import featherbench
from featherbench.figures.catalogue import (
    CATALOGUE,
    FURTHER_FIGURES,
    PAPER_FIGURES,
    FigureKind,
    figures_for,
    specs_for,
)

NATIVE_ONLY = (
    *("fig3a_startup_time", "fig3b_image_size", "fig3c_network_latency"),
    *("fig4a_http_throughput_native", "fig5a_memory_http", "fig5b_memory_kv"),
    *("fig6a_kv_throughput_native", "fig7a_http_ratios", "fig7b_kv_ratios"),
    *("fig7c_startup_ratios", "fig7d_latency_ratios", "fig7e_memory_ratios"),
    *("fig8a_http_latency_against_throughput", "fig8b_kv_latency_against_throughput"),
    *("fig9a_http_distribution", "fig9b_kv_distribution", "fig9c_startup_distribution"),
    *("fig9d_latency_distribution", "fig10_run_order", "fig11_provisioning"),
    *("fig12a_http_cpu_per_request", "fig12b_kv_cpu_per_request"),
)
ALONE = tuple(name for name in NATIVE_ONLY if not name.endswith(("_ratios", "_provisioning")))
"""What there is of a single platform."""


def test_native_platforms_have_no_virtualized_figures(make):
    assert figures_for(make.plan(make.TWO)) == NATIVE_ONLY


def test_virtualized_platforms_have_theirs(make):
    assert set(figures_for(make.plan(make.TWELVE))) - set(NATIVE_ONLY) == {
        "fig4b_http_throughput_virtualized",
        "fig6b_kv_throughput_virtualized",
    }


def test_a_platform_that_cannot_run_here_has_no_figure(make):
    names = ("linux-native", "linux-kvm")
    assert figures_for(make.plan(names, lacking=("linux-kvm",))) == ALONE
    assert figures_for(make.plan(names, lacking=names)) == ()


def test_a_workload_that_was_not_asked_for_has_no_figure(make):
    plan = make.plan(make.TWO, workloads=("http", "latency"))
    assert figures_for(plan) == (
        "fig3c_network_latency",
        "fig4a_http_throughput_native",
        "fig7a_http_ratios",
        "fig7d_latency_ratios",
        "fig8a_http_latency_against_throughput",
        "fig9a_http_distribution",
        "fig9d_latency_distribution",
        "fig10_run_order",
        "fig12a_http_cpu_per_request",
    )
    throughput = tuple(metric for metric in plan.metrics if metric.aspect == "throughput")
    of_less = figures_for(plan.model_copy(update={"metrics": throughput}))
    assert "fig12a_http_cpu_per_request" not in of_less
    assert "fig9a_http_distribution" in of_less


AT_RATE = ("fig13a_http_latency_at_rate", "fig13b_kv_latency_at_rate")
QUANTILES = ("fig15a_http_latency_quantiles", "fig15b_kv_latency_quantiles")


def test_each_loop_has_its_figures_if_it_was_asked_for(make):
    both = make.plan(make.TWO, levels=(1, "r5000"))
    assert set(figures_for(both)) - set(NATIVE_ONLY) == {*AT_RATE, *QUANTILES}
    assert set(NATIVE_ONLY) <= set(figures_for(both))
    alone = make.plan(make.TWO, levels=("r10pc", "r50pc"), workloads=("http", "kv", "capacity"))
    of_rates = (*AT_RATE, "fig14_capacity_ratios", *QUANTILES)
    assert figures_for(alone) == ("fig10_run_order", *of_rates)


def test_what_does_not_vary_or_is_a_single_value_has_no_distribution(make):
    assert figures_for(make.plan(make.TWO, workloads=("image_size",))) == ("fig3b_image_size",)
    plan = make.plan(make.TWO, workloads=("startup",), deployments=1, windows=1)
    assert "fig9c_startup_distribution" not in figures_for(plan)


def test_without_the_baseline_there_are_no_ratios_to_it(make):
    plan = make.plan(make.TWELVE, lacking=(make.TWELVE[0],))
    assert not [name for name in figures_for(plan) if name.endswith("_ratios")]


def test_a_load_generator_without_latencies_has_no_figure_of_them(make):
    config = {"workloads": {"http": {"load_generator": "weighttp"}, "kv": None}}
    names = figures_for(make.plan(make.TWO).model_copy(update={"config": config}))
    assert "fig8a_http_latency_against_throughput" not in names
    assert "fig8b_kv_latency_against_throughput" in names


def test_every_figure_has_a_title_and_a_caption_of_its_own():
    assert len({spec.name for spec in CATALOGUE}) == len(CATALOGUE)
    assert len({spec.title for spec in CATALOGUE}) == len(CATALOGUE)
    assert all(
        "ollow" in spec.caption or "95 %" in spec.caption
        for spec in CATALOGUE
        if spec.kind is not FigureKind.QUANTILES
    )


def test_where_intervals_are_drawn_the_caption_says_over_what():
    without = {FigureKind.DISTRIBUTION, FigureKind.QUANTILES}
    for spec in FURTHER_FIGURES:
        assert ("95 %" in spec.caption) == (spec.kind not in without)


def test_each_figure_shows_its_platforms(make):
    plan = make.plan(make.TWELVE)
    by_name = {spec.name: spec for spec in specs_for(plan)}
    hypervisors = {
        name: {platform.hypervisor for platform in by_name[name].platforms(plan)}
        for name in by_name
    }
    assert hypervisors["fig4a_http_throughput_native"] == {"native"}
    assert hypervisors["fig4b_http_throughput_virtualized"] == {"kvm", "xen"}
    assert hypervisors["fig3a_startup_time"] == {"native", "kvm", "xen"}


def test_without_emulated_platforms_there_are_no_figures_of_them(make):
    lacking = [name for name in make.NINE if name.endswith("-tcg")]
    everywhere = make.plan(make.NINE, lacking=lacking)
    nowhere = make.plan([name for name in make.NINE if name not in lacking])
    assert specs_for(everywhere) == specs_for(nowhere)
    assert not [spec for spec in specs_for(nowhere) if spec.emulated]


def test_emulated_platforms_have_figures_of_their_own_and_are_in_no_other(make):
    plan = make.plan(make.NINE)
    for spec in specs_for(plan):
        hypervisors = {platform.hypervisor for platform in spec.platforms(plan)}
        assert (hypervisors == {"tcg"}) == spec.emulated == spec.name.endswith("_emulated")
        assert (not hypervisors & {"tcg"}) or spec.emulated
        assert ("no measure of virtualization" in spec.caption) == spec.emulated
        assert ("emulated in software" in spec.title) == spec.emulated
    names = set(figures_for(plan))
    assert {"fig4b_http_throughput_virtualized_emulated", "fig7a_http_ratios_emulated"} < names
    assert {f"{name}_emulated" for name in names} >= {n for n in names if n.endswith("_emulated")}


def test_emulated_platforms_may_be_the_only_ones_and_their_baseline_is_theirs_alone(make):
    names = figures_for(make.plan(("linux-tcg", "docker-tcg")))
    assert names
    assert all(name.endswith("_emulated") for name in names)
    beside = figures_for(make.plan(("linux-tcg", "docker-tcg", "docker-native", "lxd-native")))
    assert "fig7c_startup_ratios_emulated" in beside
    assert "fig7c_startup_ratios" not in beside


def _memory(plan):
    return next(spec for spec in specs_for(plan) if spec.name.startswith("fig5a"))


def test_minimum_memory_has_its_own_panel_and_the_caption_explains_it(make):
    held = _memory(make.plan(make.TWO))
    both = _memory(make.plan(make.NINE, fixed=make.GUESTS))
    assert [*both.panels] == [*held.panels, "memory_http_minimum"]
    assert held.caption in both.caption.replace(both.fixed_memory_note, "")
    assert "not the same quantity" in both.caption
    assert "Minimum that suffices" not in held.caption


def test_with_only_guests_the_caption_does_not_explain_the_working_set(make):
    spec = _memory(make.plan(("linux-kvm",), fixed=make.GUESTS))
    assert [*spec.panels] == ["memory_http_minimum"]
    assert "working set" not in spec.caption
    assert "not the same quantity" not in spec.caption


def test_minimum_memory_has_no_ratio_to_memory_in_use(make):
    assert "fig7e_memory_ratios" not in figures_for(
        make.plan(("linux-native", "linux-kvm"), fixed=make.GUESTS)
    )
    assert "fig7e_memory_ratios" in figures_for(
        make.plan(("linux-kvm", "osv-kvm"), fixed=("linux-kvm", "osv-kvm"))
    )


def test_the_captions_of_the_papers_figures_explain_bars_memory_and_pings():
    for spec in PAPER_FIGURES:
        assert "SD" in spec.caption
        assert "95 %" in spec.caption
        explains_cache = "charged to the process that first used a page" in spec.caption
        assert explains_cache == (spec.workloads == ("memory",))
        explains_ping = "not through the translation" in spec.caption
        assert explains_ping == (spec.workloads == ("latency",))


def test_the_names_are_found_without_loading_what_draws():
    """The workflow asks for them whenever it starts."""
    script = (
        "import sys, featherbench.figures.catalogue\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'plotnine', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    scripts = Path(featherbench.__file__).parent.parent
    subprocess.run([sys.executable, "-c", script], check=True, cwd=scripts)
