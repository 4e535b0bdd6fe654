# SPDX-License-Identifier: Apache-2.0
"""The time left follows from the pace of similar cells that are done."""

import pytest

from builders import cell, window
from featherbench.jobs import progress
from featherbench.jobs.progress import Progress, approximately
from featherbench.records.cell import Verdict


def test_a_cell_is_expected_to_take_what_those_of_its_platform_and_workload_took():
    run = Progress(
        expected_s={"a/http/d1/c1": 10, "a/http/d2/c1": 10, "b/http/d1/c1": 10, "b/http/d2/c1": 10},
        took_s={"a/http/d1/c1": 12, "b/http/d1/c1": 300},
        last_monotonic_s=100,
    )
    assert run.time_left_s(100) == pytest.approx(12 + 300)
    assert run.time_left_s(110) == pytest.approx(12 + 300 - 10)


def test_without_such_a_cell_the_pace_of_the_platform_counts_and_else_that_of_all():
    expected_s = {"a/http/d1/c1": 10, "a/kv/d1/c1": 20, "ab/kv/d1/c1": 30, "b/http/d1/c1": 10}
    took_s = {"a/http/d1/c1": 15, "b/http/d1/c1": 25}
    run = Progress(expected_s=expected_s, took_s=took_s, last_monotonic_s=100)
    assert run.time_left_s(100) == pytest.approx(20 * 1.5 + 30 * 2)


def test_before_any_cell_is_done_the_expected_times_count():
    assert Progress(expected_s={"a": 10, "b": 20}).time_left_s(999) == 30


def test_the_time_left_is_never_negative():
    assert Progress(expected_s={"a": 10}, last_monotonic_s=100).time_left_s(200) == 0


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    return progress.FILE


def test_cells_are_counted_with_their_times(file, monkeypatch):
    clock = iter([100.0, 130.0, 140.0, 150.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    progress.begin({"a": 100, "b": 100})
    assert progress.announce("a") == "cell 1 of 2, about 3 min left: a"
    progress.mark_done("a")
    assert progress.announce("b") == "cell 2 of 2, about 20 s left: b"
    progress.mark_done("b")
    assert Progress.read(file).took_s == {"a": 30, "b": 20}


def test_a_cell_measured_by_hand_is_not_counted(file):
    assert progress.announce("x") == "measuring x"
    progress.mark_done("x")
    assert not file.exists()


@pytest.mark.parametrize("content", ["", "{", "\0garbage", "[]"])
def test_a_damaged_file_costs_no_cell(file, content):
    file.write_text(content)
    assert progress.announce("x") == "measuring x"
    progress.mark_done("x")
    progress.drop_cells(["x"])
    assert file.read_text() == content


def test_possible_cells_are_counted_until_they_are_dropped():
    progress.drop_cells(["a"])  # nothing was begun: nothing to do
    progress.begin({"a": 100, "b": 200, "c": 300}, at_most=True)
    assert progress.announce("a") == "cell 1 of at most 3, up to about 10 min left: a"
    progress.mark_done("a")
    progress.drop_cells(["a", "b", "of another run"])
    assert progress.announce("c").startswith("cell 2 of at most 2, up to about")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "about 5 s left"), (89, "about 89 s left"), (600, "about 10 min left")],
)
def test_times_are_rounded_for_people(seconds, text):
    assert approximately(seconds) == text


def test_invalid_windows_are_no_figures():
    windows = [window("a", 3.0), window("a", 0.0, verdict=Verdict.INVALID)]
    windows += [window("b", 0.0, verdict=Verdict.INVALID)]
    assert progress.summary(cell("linux-native", "http", 1, 1, windows)) == (
        f"a 3 {windows[0].unit}; b has no valid window (1 ok, 2 invalid)"
    )
