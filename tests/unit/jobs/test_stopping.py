# SPDX-License-Identifier: Apache-2.0
"""An interim look reads the cells so far and what they cost, and announces what stops."""

from types import SimpleNamespace

import pytest

from builders import interim_look
from featherbench.jobs import progress, stopping
from featherbench.records.plan import StoppingRule
from featherbench.records.stopping_decisions import InterimLookSpec, Reason

RULE = StoppingRule(precision=0.02, least=8, most=10, budget_s=None)
SPEC = InterimLookSpec(
    platform="a-native", workload="http", deployment=2, load_points=("c1", "c5"), rule=RULE, code=""
)


@pytest.fixture
def decided(monkeypatch, tmp_path):
    """Return what the decision is made of: cells that took 10 s, deployments that started in 3."""

    def read_cell(path):
        number = int(path.parent.name.removeprefix("d"))
        coordinates = SimpleNamespace(deployment=number, file=str(path.relative_to(tmp_path)))
        return SimpleNamespace(coordinates=coordinates, duration_s=10.0)

    monkeypatch.setattr(stopping.Cell, "read", read_cell)
    monkeypatch.setattr(stopping, "look", lambda *arguments: arguments)
    monkeypatch.setattr(stopping.Deployment, "read", lambda _: SimpleNamespace(ready_after_s=1.0))
    monkeypatch.setattr(stopping.Warmup, "read", lambda _: SimpleNamespace(duration_s=2.0))

    def take(previous=None):
        _, cells, costs_s, _ = stopping.take_look(SPEC, previous, results=tmp_path)
        return [cell.coordinates.file for cell in cells], costs_s

    return take


def test_the_first_look_reads_all_cells_and_counts_all_their_time(decided):
    files, costs_s = decided()
    assert sorted(files) == [f"cells/a-native/http/d{d}/c{c}.json" for d in (1, 2) for c in (1, 5)]
    assert costs_s == [20.0, 20.0]


def test_a_later_look_reads_levels_that_continue_and_counts_the_time_since(decided):
    files, costs_s = decided(interim_look(1, RULE, c1=(1, Reason.NARROW), c5=(1, None)))
    assert files == [f"cells/a-native/http/d{d}/c5.json" for d in (1, 2)]
    assert costs_s == [10.0]


def test_the_time_of_start_and_warm_up_counts_where_there_is_a_lease(decided, tmp_path):
    record = tmp_path / "deployments/a-native/http/d2.json"
    record.parent.mkdir(parents=True)
    record.touch()
    assert decided()[1] == [20.0, 23.0]


def test_levels_that_stop_now_are_announced_and_no_longer_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "FILE", tmp_path / "progress.json")
    cells = [f"a-native/http/d{d}/c{c}" for d in (8, 9, 10) for c in (1, 2, 5)]
    progress.begin(dict.fromkeys(cells, 1.0), at_most=True)
    levels = {"c1": (9, Reason.NARROW), "c2": (8, Reason.NARROW), "c5": (9, None)}
    stopping.announce(interim_look(9, RULE, **levels))
    assert capsys.readouterr().out == (
        "    a-native/http/c1 stops after 9 deployments: narrow enough\n"
    )
    assert set(cells) - progress.Progress.read(progress.FILE).expected_s.keys() == {
        "a-native/http/d10/c1"
    }
