# SPDX-License-Identifier: Apache-2.0
"""The paper's questions, its classes of platforms, and the tables of `report/run_tables.py`."""

import re
from dataclasses import replace

import pytest

from builders import planned_platform
from featherbench.records.requirement import MissingRequirement
from featherbench.report.inputs import read
from featherbench.report.questions import UNIKERNELS, answers, class_of, why_unknown
from featherbench.report.run_tables import RunTables


def test_the_speed_of_containers_has_test_interval_and_link(section, make, whole):
    text = section(whole, "questions")
    assert (
        "HTTP throughput: of 4 comparisons with linux-native, lower in 2, inconclusive in 2" in text
    )
    assert re.search(r"docker-native 0\.7\d times \(95 % interval 0\.\d\d to 0\.\d\d\)", text)
    assert "paired t, p = 0.000" in text
    assert "suspect windows ( ratios )" in text
    html = make.page(whole)
    for anchor in ("ratios-http_throughput", "pairs-startup_time", "summary-startup", "paper"):
        assert f'href="#{anchor}"' in html
        assert f'id="{anchor}"' in html


def test_what_was_not_measured_is_open_with_the_keys_of_the_configuration(section, whole):
    text = section(whole, "questions")
    missing = "Whole-system virtualization: linux-kvm cannot run here: no /dev/kvm here &lt;yet&gt;"
    assert missing in text
    assert (
        "Unikernels: to measure them, add rumprun-kvm or osv-kvm or mirageos-kvm to platforms"
        in text
    )


def test_emulated_platforms_answer_nothing(section, emulated):
    text = section(emulated, "questions")
    assert "linux-tcg is emulated in software, which says nothing about their speed" in text
    assert "linux-tcg 0.0" not in text
    assert "linux-tcg 3." not in text
    replication = section(emulated, "paper")
    assert (
        "linux-tcg, docker-tcg: emulated in software, which says nothing about the speed of"
        in replication
    )


def test_starts_and_footprints_are_given(section, whole):
    text = section(whole, "questions")
    assert re.search(r"Fastest start: docker-native\+host 0\.\d+ s \(95 % interval", text)
    assert "docker-native+host is significantly faster than docker-native (difference -0.0" in text
    assert "which does not isolate" in text
    assert re.search(r"Network round-trip time: linux-native 0\.0\d+ ms .* higher in 1", text)


def test_a_run_of_one_platform_has_nothing_to_compare(section, make, tmp_path):
    text = section(make.run(tmp_path, plan=make.plan(platforms=("linux-native",))), "questions")
    assert "Containers: to measure them, add docker-native or lxd-native to platforms" in text
    assert "Earlier results: this run has nothing that can be compared with them" in text
    assert "Memory of http under load: linux-native 7." in text


def test_without_a_valid_window_of_the_baseline_there_are_no_ratios(section, make, tmp_path):
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    text = section(
        make.run(tmp_path, plan=plan, unsupported_workloads=("linux-native",)), "questions"
    )
    assert "the baseline, linux-native, has no valid window" in text
    assert "times" not in text.partition("Fastest")[0]
    assert "Fastest start: docker-native" in text


def test_workloads_that_were_not_requested_are_listed_and_no_class_is_blamed_for_them(
    section, make, tmp_path
):
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    only = tuple(one for one in plan.workloads if one.name == "startup")
    text = section(
        make.run(tmp_path, plan=plan.model_copy(update={"workloads": only})), "questions"
    )
    for name in ("http", "kv", "image_size", "latency", "memory"):
        assert f"{name}: to measure it, add {name} to workloads" in text
    assert "docker-native has no valid window" not in text
    assert text.count("Unikernels: to measure them, add rumprun-kvm") == 1


@pytest.mark.parametrize(
    ("name", "platform_class"),
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
def test_every_platform_but_plain_linux_is_in_one_class(name, platform_class):
    assert class_of(*name.split("-")) == platform_class
    assert not class_of("linux", "native")


def test_a_platform_of_no_class_is_in_the_answer(whole):
    inputs = read(whole)
    summary = inputs.tables["summary"].replace({"technology": {"docker": "gvisor"}})
    inputs = replace(inputs, tables=inputs.tables | {"summary": summary})
    speed = answers(RunTables(inputs, emulated=False), ())[0]
    subjects = [statement.subject for statement in speed["statements"]]
    assert "Other platforms, HTTP throughput" in subjects
    assert "Containers, HTTP throughput" not in subjects


def test_a_unikernel_without_an_image_of_the_workload_says_so(make):
    missing = MissingRequirement(what="floor has no image of http", remedy="none")
    lacks = {"http": missing, "kv": missing}
    floor = planned_platform("floor-kvm", virtualized=True, unsupported_workloads=lacks)
    plan = make.plan().model_copy(update={"platforms": (floor,)})
    why = why_unknown(UNIKERNELS, plan, ("http", "kv"))
    assert why.startswith(
        "`floor-kvm` has no image of http and kv; to measure them, add `rumprun-kvm` or"
    )
    assert why_unknown(UNIKERNELS, plan, ("startup",)) == "`floor-kvm` has no valid window"


def test_without_results_the_questions_are_not_answered(section, tmp_path):
    text = section(tmp_path, "questions")
    assert text.count("Not answered") == 2
    assert "the plan is missing, so that it is not known what was requested" in text
