# SPDX-License-Identifier: Apache-2.0
"""The time left is what remains at the pace of what is done."""

import pytest

from featherbench import progress
from featherbench.progress import Progress, approximately


def test_the_pace_of_the_cells_done_is_that_of_the_rest():
    run = Progress(nominal_s={"a": 10, "b": 20, "c": 30}, first_monotonic_s=100, done=("a",))
    assert run.time_left_s(115) == pytest.approx(50 * 1.5)


def test_before_any_cell_is_done_the_nominal_time_is_the_best_guess():
    assert Progress(nominal_s={"a": 10, "b": 20}).time_left_s(999) == 30


def test_cells_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    progress.begin({"a": 100, "b": 200})
    assert progress.announce("a") == "cell 1 of 2, about 5 min left: a"
    progress.tick("a")
    assert progress.announce("b").startswith("cell 2 of 2")


def test_a_cell_measured_by_hand_is_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    assert progress.announce("x") == "measuring x"
    progress.tick("x")
    assert not progress.FILE.exists()


def test_what_may_come_is_counted_until_it_is_known_not_to(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    progress.forgo(["a"])  # nothing was begun: nothing to do
    progress.begin({"a": 100, "b": 200, "c": 300}, at_most=True)
    assert progress.announce("a") == "cell 1 of at most 3, up to about 10 min left: a"
    progress.tick("a")
    progress.forgo(["a", "b", "of another run"])
    assert progress.announce("c").startswith("cell 2 of at most 2, up to about")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "about 5 s left"), (89, "about 89 s left"), (600, "about 10 min left")],
)
def test_times_are_told_as_to_a_person(seconds, said):
    assert approximately(seconds) == said
