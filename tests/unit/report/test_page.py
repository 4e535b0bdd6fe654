# SPDX-License-Identifier: Apache-2.0
"""The page, its templates (`report/templates.py`), and its parts (`report/inputs.py`)."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from featherbench.records.cell import Failure
from featherbench.records.tables import REPLICATION
from featherbench.report import table_groups
from featherbench.report.inputs import read
from featherbench.report.page import render
from featherbench.statistics.data.table_io import write_reason
from pages import Page


@pytest.fixture(scope="module")
def page_of(make):
    return lambda folder: Page(make.page(folder))


@pytest.fixture(scope="module")
def pages(page_of, whole, broken, emulated):
    return SimpleNamespace(whole=page_of(whole), broken=page_of(broken), emulated=page_of(emulated))


@pytest.fixture(scope="module")
def small(make, tmp_path_factory):
    """A run of two platforms; copy it before changing it."""
    folder = tmp_path_factory.mktemp("small")
    plan = make.plan(platforms=("linux-native", "docker-native"), deployments=2)
    make.run(folder, plan=plan)
    return folder


@pytest.fixture(scope="module", params=["whole", "broken", "emulated", "empty"])
def page(request, pages, page_of, tmp_path_factory):
    if request.param == "empty":
        return page_of(tmp_path_factory.mktemp("nothing"))
    return getattr(pages, request.param)


def test_every_tag_is_closed_and_every_id_is_unique(page):
    assert page.misnested == []
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)


def test_nothing_is_loaded_from_anywhere(page):
    assert page.loads
    assert all(value.startswith("data:") for value in page.loads), page.loads
    assert "@import" not in page.html
    assert "url(" not in page.html


def test_links_lead_into_the_page_to_the_report_beside_it_or_to_the_paper(page):
    for link in page.links:
        inside = link.startswith("#") and link[1:] in page.ids
        assert inside or link == "snakemake_report.html" or link.startswith("https://doi.org/")


def test_every_image_has_a_text_for_those_who_do_not_see_it(page):
    assert all(image["alt"] for image in page.images)


def test_text_of_others_is_escaped(pages):
    assert "no /dev/kvm here &lt;yet&gt;" in pages.whole.html
    assert "<yet>" not in pages.whole.html


def test_a_reason_with_a_full_stop_ends_its_sentence(pages):
    text = pages.whole.text("paper")
    assert "it cannot run here: no /dev/kvm here <yet>: it failed." in text
    assert ".." not in text


def test_the_headline_counts_and_compares(pages):
    text = pages.whole.text("headline")
    assert "cells measured 96 of 96" in text
    assert "cells failed 0" in text
    assert "docker-native: higher, 1.4" in text
    assert "docker-native+host: inconclusive against linux-native (ratio 1.00" in text
    assert "This report is incomplete" not in text


def test_the_headline_has_what_a_request_costs(pages):
    text = pages.whole.text("headline")
    assert "CPU time per request, and its ratio to linux-native (95 % interval); not tested" in text
    assert "Redis GET at 100 connections" in text


def test_a_platform_that_cannot_run_is_there_with_the_remedy(pages):
    text = pages.whole.text("ran")
    assert "linux-kvm no /dev/kvm here <yet>: it failed. load kvm_intel" in text


def test_failed_cells_have_message_and_remedy_and_others_the_nearest_job_that_failed(pages):
    text = pages.broken.text("ran")
    assert "1 failed d2/c100 the server under test died: killed by signal 9 see its log" in text
    deployed = "2 not reached d3/c1, d3/c100 waited for deploy/docker-native/http/d3, which failed"
    assert f"{deployed}: port 18080 is taken" in text
    assert "8 not reached" in text
    assert "waited for build_image/docker/kv, which failed: the disk is full" in text
    assert "the run ended before this cell" in text
    assert "long-gone" not in pages.broken.html  # a failure of an earlier plan


def test_a_figure_is_drawn_in_or_said_to_be_missing(pages):
    text = pages.whole.text("figures")
    assert "Figure 3a: Startup time" in text
    assert "Figure 10: The order of the run" in text
    assert text.count("This figure was not drawn") == text.count("Figure ") - 2
    drawn = [image for image in pages.whole.images if image["alt"].startswith("Figure 4a")]
    assert drawn[0]["src"].startswith("data:image/svg+xml;base64,")


def test_suspect_and_invalid_windows_are_grouped_by_reason(pages):
    text = pages.whole.text("issues")
    assert "invalid: … requests failed (non-2xx)" in text
    assert re.search(
        r"suspect: the client is saturated \(… % busy\), the server is not \(\d+ w", text
    )
    assert "steal during the window: 1.2 %" in text
    assert re.search(
        r"docker-native/http/d\d/c\d+, window \d http_throughput [\d,]+ requests/s", text
    )


def test_the_tables_spell_numbers_for_people(pages):
    text = pages.whole.text("tables")
    assert "platform:level" in text
    assert "< 0.0001" in text
    assert re.search(r"http: HTTP throughput, in requests/s", text)
    assert re.search(r"linux-native 100 6\d,\d{3} ", text)
    assert "nan" not in text.lower()
    assert "inf " not in text


def test_emulated_platforms_are_reported_separately(pages):
    page = pages.emulated
    for section in ("headline", "figures", "tables"):
        assert "-tcg" not in page.text(section)
    separate = page.text("emulated")
    assert (
        "reported separately, because a program emulates the processor: linux-tcg, docker-tcg"
        in (separate)
    )
    assert "nothing about the speed of virtualization" in separate
    assert "docker-native" not in separate
    assert "linux-tcg at 1 connection: lower, 0.05" in separate
    assert "the baseline, linux-native, has" in separate
    assert "Figure 3a: Startup time, emulated in software" in separate
    assert "emulated" not in page.text("figures")
    assert "tcg, emulated in software" in page.text("requested")


def test_tables_of_emulated_platforms_have_only_their_rows(pages):
    separate = pages.emulated.text("emulated")
    assert "docker-tcg linux-tcg" in separate
    summary, _, rest = separate.partition("Ratios to the baseline")
    assert re.search(r"http: HTTP throughput, in requests/s platform .* docker-tcg 100 ", summary)
    assert "linux-native 100" not in summary.partition("Summary")[2]
    assert "linux-tcg 1 0.05" in rest


def test_without_emulated_platforms_there_is_no_section_on_them(pages):
    assert "emulated" not in pages.whole.sections
    assert "in software" not in pages.whole.html


def test_if_all_platforms_are_emulated_the_headline_says_so(make, page_of, tmp_path):
    plan = make.plan(platforms=("linux-tcg", "docker-tcg"), deployments=2)
    plan = plan.model_copy(update={"baseline": "linux-tcg"})
    page = page_of(make.run(tmp_path, plan=plan))
    assert "All platforms of this run are emulated in software" in page.text("headline")
    assert "There are no conclusions" not in page.text("headline")
    assert "the baseline, linux-tcg, has" in page.text("emulated")
    assert re.search(r"docker-tcg at 100 connections: .* linux-tcg", page.text("emulated"))


def test_minimum_memory_is_not_compared_with_memory_in_use(pages):
    separate = pages.emulated.text("emulated")
    assert (
        "Minimum memory that suffices for http: no ratios, because the baseline, linux-native, has "
        "memory of http under load instead. linux-tcg: 7."
    ) in separate
    assert "linux-tcg: no valid window" not in separate
    assert "memory_http_minimum" in separate


def test_the_phases_of_a_start_have_their_shares(pages):
    text = pages.whole.text("tables")
    assert re.search(r"docker-native create 0\.0\d+ 0\.0\d+ 25 %", text)
    assert re.search(r"docker-native remainder, until the first packet 0\.1\d+ — 50 %", text)
    assert re.search(
        r"linux-tcg firmware and kernel [01]\.\d+ [\d.]+ 25 %", pages.emulated.text("emulated")
    )


def test_the_time_adds_up(pages):
    text = pages.whole.text("time")
    assert "Wall time 35 min 10 s" in text
    assert "between measuring jobs: deployments, warm-ups, Snakemake 3 min 10 s" in text


def test_how_it_was_made_and_on_what_and_only_what_disturbs_is_advised(pages):
    text = pages.whole.text("made")
    assert "docker/http ab12ab12ab12 18 MiB 17.2 MiB 7 MiB the layers of the image" in text
    assert "wrk 4.1.0" in text
    assert "docker: engine 20.10.24" in text
    assert "own report" in text
    assert "somaxconn" in pages.whole.text("requested")
    machine = pages.whole.text("machine")
    assert "cpupower frequency-set -g performance" in machine
    assert "KSM" not in machine
    assert "https://doi.org/10.1007/978-3-319-67262-5_3" in pages.whole.links


def test_an_empty_folder_makes_a_report_that_says_what_is_missing(page_of, tmp_path):
    page = page_of(tmp_path)
    text = page.text("headline")
    for part in ("plan.json", "machine.json", "samples.parquet", "summary.csv", "rulegraph.svg"):
        assert f"{part} is missing" in text
    assert "There are no conclusions" in text
    assert "No window was measured" in page.text("issues")


PARTS = (
    *("plan.json", "machine.json", "rulegraph.svg", "tables/samples.parquet"),
    *(f"tables/{name}.csv" for name in ("summary", "anova", "posthoc", "ratios", "levels")),
    *(f"tables/{name}.csv" for name in ("components", "checks", *REPLICATION)),
    *("cells/linux-native/http/d1/c1.json", "images/docker/kv.json"),
)


@pytest.fixture
def damaged(small, tmp_path):
    """Make a copy of a run in which one part has that text, or is missing."""

    def damage(part, text):
        folder = tmp_path / f"with {text}"
        shutil.copytree(small, folder)
        (folder / part).unlink() if text is None else (folder / part).write_text(text)
        return folder

    return damage


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("text", [None, "{broken"], ids=["missing", "broken"])
def test_each_part_may_be_missing_or_broken(page_of, damaged, part, text):
    page = page_of(damaged(part, text))
    assert page.misnested == []
    optional = part.startswith(("cells", "images")) and text is None
    drawn_all_the_same = part == "rulegraph.svg" and text is not None
    read_as_one_column = part.endswith(".csv") and text is not None
    if not (optional or drawn_all_the_same or read_as_one_column):
        assert part in page.text("headline")


def test_a_part_that_could_not_be_made_is_named_in_its_place_and_costs_no_other(
    page_of, small, tmp_path, monkeypatch
):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    write_reason(tmp_path / "tables/ratios.csv", "log of 0")
    for part in ("analyze/ratios", "plot/fig3a_startup_time"):
        reason = dict.fromkeys(("message", "kind", "remedy", "failed_utc", "log"), "log of 0")
        Failure(job=part, **reason).write(tmp_path / f"failures/{part}.json")
    (spoiled,) = [group for group in table_groups.GROUPS if group.heading == "Each level"]
    spoiled = replace(spoiled, tables=lambda _run: 1 / 0)
    groups = [spoiled if one.heading == spoiled.heading else one for one in table_groups.GROUPS]
    monkeypatch.setattr(table_groups, "GROUPS", groups)
    page = page_of(tmp_path)
    assert "ratios.csv cannot be read: a table that it needs could not be" in page.text("headline")
    assert "This figure could not be drawn: log of 0" in page.text("figures")
    tables = page.text("tables")
    assert "This could not be computed: log of 0" in tables
    assert "This could not be computed: division by zero" in tables
    assert "Mean, SD and median" in tables
    assert {"analyze/ratios", "plot/fig3a_startup_time"} <= set(page.text("ran").split())


@pytest.mark.parametrize("part", PARTS)
def test_an_empty_part_is_read_as_a_missing_one(damaged, part):
    missing, empty = (read(damaged(part, text), REPLICATION) for text in (None, ""))
    assert repr(replace(empty, problems=())) == repr(replace(missing, problems=()))
    assert any(part in problem for problem in empty.problems)


def test_cells_of_another_plan_are_left_out(make, page_of, small, tmp_path):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    narrower = make.plan(platforms=("linux-native",), deployments=1)
    narrower.write(tmp_path / "plan.json")
    assert "cells measured 8 of 8" in page_of(tmp_path).text("headline")


def test_results_of_two_machines_are_not_reported_as_one(make, page_of, small, tmp_path):
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    machine = make.machine().model_copy(update={"fingerprint": "another"})
    machine.write(tmp_path / "machine.json")
    assert "2 different states of the machine" in page_of(tmp_path).text("headline")


def test_a_table_too_long_to_read_says_where_the_rest_is(page_of, small, monkeypatch):
    monkeypatch.setattr("featherbench.report.tables.MOST_ROWS", 3)
    text = page_of(small).text("tables")
    assert "1 more row is in results/tables/summary.csv" in text


def test_the_report_works_without_further_sections(whole):
    page = Page(render(read(whole)))
    assert (page.misnested, page.open) == ([], [])
    assert "paper" not in page.sections
    assert "Earlier results" not in page.text("questions")
