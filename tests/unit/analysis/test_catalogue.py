# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import featherbench
from featherbench.figures.catalogue import ENTRIES, entries_for, figures_for

NATIVE_ONLY = (
    "fig3a_startup_time",
    "fig3b_image_size",
    "fig3c_network_latency",
    "fig4a_http_throughput_native",
    "fig5a_memory_http",
    "fig5b_memory_kv",
    "fig6a_kv_throughput_native",
)


def test_native_platforms_have_no_virtualized_figures(make):
    assert figures_for(make.plan(make.TWO)) == NATIVE_ONLY


def test_virtualized_platforms_have_theirs(make):
    assert set(figures_for(make.plan(make.TWELVE))) - set(NATIVE_ONLY) == {
        "fig4b_http_throughput_virtualized",
        "fig6b_kv_throughput_virtualized",
    }


def test_a_platform_that_cannot_run_here_has_no_figure(make):
    names = ("linux-native", "linux-kvm")
    assert figures_for(make.plan(names, lacking=("linux-kvm",))) == NATIVE_ONLY
    assert figures_for(make.plan(names, lacking=names)) == ()


def test_a_workload_that_was_not_asked_for_has_no_figure(make):
    plan = make.plan(make.TWO, workloads=("http", "latency"))
    assert figures_for(plan) == ("fig3c_network_latency", "fig4a_http_throughput_native")


def test_each_figure_shows_its_platforms(make):
    plan = make.plan(make.TWELVE)
    by_name = {entry.name: entry for entry in entries_for(plan)}
    hosts = {
        name: {platform.host for platform in by_name[name].platforms(plan)} for name in by_name
    }
    assert hosts["fig4a_http_throughput_native"] == {"native"}
    assert hosts["fig4b_http_throughput_virtualized"] == {"kvm", "xen"}
    assert hosts["fig3a_startup_time"] == {"native", "kvm", "xen"}


def test_every_caption_names_its_error_bars():
    for entry in ENTRIES:
        assert "SD" in entry.caption
        assert "95 %" in entry.caption


def test_the_caption_of_memory_says_whose_page_cache_it_is():
    for entry in ENTRIES:
        assert ("charged to whoever touched a page first" in entry.caption) == (
            entry.workload == "memory"
        )


def test_the_caption_of_latency_says_what_is_pinged():
    (latency,) = [entry for entry in ENTRIES if entry.workload == "latency"]
    assert "not through the translation" in latency.caption


def test_the_names_are_found_without_loading_what_draws():
    """The workflow asks for them whenever it starts."""
    script = (
        "import sys, featherbench.figures.catalogue\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'plotnine', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    scripts = Path(featherbench.__file__).parent.parent
    subprocess.run([sys.executable, "-c", script], check=True, cwd=scripts)
