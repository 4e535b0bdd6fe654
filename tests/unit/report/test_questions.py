# SPDX-License-Identifier: Apache-2.0
"""The paper's questions, answered from what a run has, and what it would have to have."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from featherbench.records.plan import MissingRequirement, PlannedPlatform
from featherbench.report.inputs import read
from featherbench.report.page import render
from featherbench.report.platform_classes import KINDS, OTHERS, UNIKERNELS, why_unknown
from featherbench.report.questions import answers
from featherbench.report.sentences.comparisons import Comparison
from featherbench.report.sentences.pairs import against, first_of_all, pairs
from featherbench.report.sentences.ratios import tell


def compared(platform, ratio, p=0.001, *, level=1, same=0.9, **more):
    return Comparison(
        **{
            "metric": "m",
            "platform": platform,
            "concurrency": level,
            "ratio": ratio,
            "low": ratio - 0.02,
            "high": ratio + 0.02,
            "p": p,
            "p_same": same,
            "margin": 0.05,
            "detectable": 1.2,
            "test": "paired t",
        }
        | more
    )


def test_what_all_comparisons_show_is_said_once_with_the_largest_p():
    found = [compared("a-b", 0.7, 0.001), compared("c-d", 0.6, 0.03, suspect=2)]
    assert tell(found, "base", {}) == (
        "lower than base: a-b 0.70 times (95 % interval 0.68 to 0.72); "
        "c-d 0.60 times (95 % interval 0.58 to 0.62); paired t, p = 0.03 at most; "
        "2 suspect windows behind it"
    )


def test_what_comparisons_show_is_counted_where_they_differ():
    found = [compared("a-b", 0.7), compared("c-d", 1.0, 0.4), compared("e-f", 1.0, 0.8, same=0.02)]
    said = tell(found, "base", {})
    assert said.startswith(
        "of 3 comparisons with base, lower in 1, the same in 1, no difference shown in 1: a-b"
    )
    assert said.endswith("; paired t, p = 0.02 at most")


def test_of_many_levels_the_extremes_are_given_with_their_intervals():
    found = [compared("a-b", 0.5 + level / 1000, level=level) for level in (1, 100, 200)]
    assert "a-b 0.50 times (95 % interval 0.48 to 0.52) at 1 connection to 0.70 times" in tell(
        found, "base", {}
    )


def test_what_is_untested_says_why_and_finds_nothing():
    nothing = {"low": math.nan, "high": math.nan, "test": "", "note": "only one deployment"}
    said = tell(
        [compared("a-b", 0.7, math.nan, same=math.nan, **nothing)], "base", {("a-b", 1): "5 s"}
    )
    assert said == "against base: a-b 5 s, 0.70 times; untested; only one deployment"
    assert tell([], "base", {}) == ""


def row(a, b, ratio, p, *, level=1, test="paired t", error="block"):
    return {
        "metric": "m", "concurrency": level, "platform_a": a, "platform_b": b, "ratio": ratio,
        "difference": -3.0, "ci_low": -4.0, "ci_high": -2.0, "p_adj": p, "test": test,
        "error": error, "note": "too few values",
    }  # fmt: skip


def test_pairs_are_found_either_way_round_and_by_that_test_alone():
    table = pd.DataFrame(
        [row("a", "b", 0.5, 0.01), row("a", "b", 9.0, 0.9, test="Tukey-Kramer", error="level")]
    )
    found = pairs(table, "m", "s")
    assert against(found, ["a"], ["b"]) == (
        "a 0.50 times b (difference -3 s, 95 % interval -4 to -2, p = 0.01); paired t"
    )
    assert "b 2.00 times a (difference 3 s, 95 % interval 2 to 4, p = 0.01)" in against(
        found, ["b"], ["a"]
    )
    assert against(found, ["a"], ["z"]) == ""


def test_a_pair_with_the_baseline_is_compared_by_games_and_howells_test():
    table = pd.DataFrame([row("a", "b", 0.5, 0.01, test="Games-Howell", error="pair")])
    assert against(pairs(table, "m", "s"), ["a"], ["b"]).endswith("p = 0.01); Games-Howell")


def test_pairs_over_many_levels_are_counted():
    table = pd.DataFrame([row("a", "b", 0.1 * n, 0.01 * n, level=n) for n in (1, 4, 6)])
    said = against(pairs(table, "m", "s"), ["a"], ["b"])
    assert said.startswith(
        "a 0.10 to 0.60 times b over 3 levels, lower at 2, no difference shown at 1"
    )
    assert "(the least at 1 connection: difference -3 s" in said


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.01, "; a is sooner than b (difference -3 s"),
        (0.3, "; a cannot be told from b (difference -3 s"),
        (math.nan, "; a against b is untested, too few values"),
    ],
)
def test_the_first_is_told_from_the_second_or_not(p, said):
    found = pairs(pd.DataFrame([row("a", "b", 0.5, p)]), "m", "s")
    assert first_of_all(found, ["a", "b", "c"]).startswith(said)
    assert first_of_all(found, ["a"]) == first_of_all({}, ["a", "b"]) == ""


@cache
def page_of(sources):
    return render(read(sources))


def section(sources, name):
    """Give the visible text of a section of the page."""
    html = page_of(sources)
    inside = html.partition(f'<section id="{name}"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", inside).split())


def test_the_speed_of_containers_has_test_interval_and_link(whole):
    text = section(whole, "questions")
    assert "Containers, HTTP throughput: of 4 comparisons with linux-native, lower in 2" in text
    assert re.search(r"docker-native 0\.7\d times \(95 % interval 0\.\d\d to 0\.\d\d\)", text)
    assert "paired t, p = 0.000" in text
    assert "suspect windows behind it" in text
    html = page_of(whole)
    for anchor in ("ratios-http_throughput", "pairs-startup_time", "summary-startup", "paper"):
        assert f'href="#{anchor}"' in html
        assert f'id="{anchor}"' in html


def test_what_was_not_measured_is_left_open_in_the_words_of_the_configuration(whole):
    text = section(whole, "questions")
    lack = "Whole-system virtualization: linux-kvm cannot run here: no /dev/kvm here &lt;yet&gt;"
    assert lack in text
    assert "Unikernels: to know, put rumprun-kvm or osv-kvm or mirageos-kvm in platforms" in text


def test_emulated_platforms_answer_nothing(emulated):
    text = section(emulated, "questions")
    assert "linux-tcg is emulated in software, which tells nothing of their speed" in text
    assert "linux-tcg 0.0" not in text
    assert "linux-tcg 3." not in text
    beside = section(emulated, "paper")
    assert "linux-tcg, docker-tcg: emulated in software, which is no measure" in beside


def test_the_start_and_the_footprint_are_told(whole):
    text = section(whole, "questions")
    assert re.search(r"Soonest to start: docker-native\+host 0\.\d+ s \(95 % interval", text)
    assert "docker-native+host is sooner than docker-native (difference -0.0" in text
    assert "which does not isolate" in text
    assert re.search(r"Network round-trip time: linux-native 0\.0\d+ ms .* higher in 1", text)


def test_a_run_of_one_platform_has_nothing_to_compare(make, tmp_path):
    text = section(make.run(tmp_path, plan=make.plan(platforms=("linux-native",))), "questions")
    assert "Containers: to know, put docker-native or lxd-native in platforms" in text
    assert "Earlier results: nothing in this run can be compared with them" in text
    assert "Memory of http under load: linux-native 7." in text


def test_without_a_valid_window_of_the_baseline_there_are_no_ratios(make, tmp_path):
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    text = section(
        make.run(tmp_path, plan=plan, unsupported_workloads=("linux-native",)), "questions"
    )
    assert "linux-native, the baseline, has no valid window" in text
    assert "times" not in text.partition("Soonest")[0]
    assert "Soonest to start: docker-native" in text


def test_workloads_that_were_not_asked_for_are_named(make, tmp_path):
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    only = tuple(one for one in plan.workloads if one.name == "http")
    text = section(
        make.run(tmp_path, plan=plan.model_copy(update={"workloads": only})), "questions"
    )
    for name in ("kv", "startup", "image_size", "latency", "memory"):
        assert f"{name}: to know, put {name} in workloads" in text


def test_a_kind_is_not_blamed_for_a_workload_that_was_not_asked_for(make, tmp_path):
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    only = tuple(one for one in plan.workloads if one.name == "startup")
    text = section(
        make.run(tmp_path, plan=plan.model_copy(update={"workloads": only})), "questions"
    )
    assert "docker-native has no valid window" not in text
    assert text.count("Unikernels: to know, put rumprun-kvm") == 1


def planned(name, **more):
    technology, hypervisor = name.split("-")
    return PlannedPlatform(
        name=name, technology=technology, hypervisor=hypervisor, network="nat",
        image_owner=technology, virtualized=hypervisor != "native", missing_requirements=(), **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("docker-native", "containers"),
        ("docker-kvm", "containers in virtual machines"),
        ("netbsd-kvm", "whole-system virtualization"),
        *((f"{one}-kvm", "unikernels") for one in ("rumprun", "unikraft", "nanos", "floor")),
        ("mirageos-native", "unikernels"),
        ("gvisor-native", "other platforms"),
        ("linux-somewhere", "whole-system virtualization"),
    ],
)
def test_every_platform_but_plain_linux_is_of_one_kind(name, kind):
    whose = [one.name for one in (*KINDS, OTHERS) if one.has(*name.split("-"))]
    assert whose == [kind]
    assert not any(one.has("linux", "native") for one in (*KINDS, OTHERS))


def test_a_platform_of_no_kind_is_in_the_answer(whole):
    own = read(whole)
    summary = own.summary.assign(technology=own.summary["technology"].replace("docker", "gvisor"))
    speed = answers(replace(own, summary=summary), "linux-native", ())[0]
    subjects = [finding.subject for finding in speed.findings]
    assert "Other platforms, HTTP throughput" in subjects
    assert "Containers, HTTP throughput" not in subjects


def test_a_unikernel_without_an_image_of_the_workload_says_so(make):
    lack = MissingRequirement(what="floor has no image of http", remedy="none")
    floor = planned("floor-kvm", unsupported_workloads={"http": lack, "kv": lack})
    plan = make.plan().model_copy(update={"platforms": (floor,)})
    why = why_unknown(UNIKERNELS, plan, ("http", "kv"))
    assert why.startswith("`floor-kvm` has no image of http and kv; to know, put `rumprun-kvm` or")
    assert why_unknown(UNIKERNELS, plan, ("startup",)) == "`floor-kvm` has no valid window"


def test_nothing_at_all_is_not_answered(make, tmp_path):
    text = section(make.sources(tmp_path), "questions")
    assert text.count("Not answered") == 2
    assert "the plan is missing, so that it is not known what was asked for" in text
