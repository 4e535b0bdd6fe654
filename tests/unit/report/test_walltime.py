# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from featherbench.report.walltime import wall_time


def moved(cell, by):
    shift = {
        key: (make_time(getattr(cell, key)) + by).isoformat()
        for key in ("started_utc", "finished_utc")
    }
    return cell.model_copy(update=shift)


def make_time(utc):
    return pd.Timestamp(utc).to_pydatetime()


def test_wall_time_is_split_and_pauses_between_runs_are_left_out(make):
    where = next(make.plan().cells())
    first = make.cell(where, [], 0)
    second = moved(make.cell(where, [], 1), timedelta(seconds=3))
    next_day = moved(make.cell(where, [], 2), timedelta(days=1))
    wall = wall_time([next_day, first, second])
    assert wall.pauses_s == pytest.approx(86400 + 2 - 3)
    assert wall.wall_s == pytest.approx(3 * 20 + 5)
    assert wall.between_s == pytest.approx(5)
    assert wall.overhead_s == {"set-up": 4.5, "warm-up": 1.5}
    assert sum(spent for _, spent in wall.parts) == pytest.approx(wall.wall_s)


def test_no_cells_take_no_time():
    assert wall_time([]) is None
