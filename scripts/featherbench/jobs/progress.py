# SPDX-License-Identifier: Apache-2.0
"""Progress on the terminal: cell k of n, what was measured, time left.

When a run starts, the cells that it will measure are written to a file. The measuring jobs, one at
a time, mark them as done there.
"""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field

from featherbench.records.base import Record
from featherbench.records.cell import Cell, Verdict

FILE = Path("results/logs/progress.json")
WHOLE_FROM = 10_000
"""Larger values are shown without decimals."""


def show(line: str) -> None:
    """Print a line to the user at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say(message: str) -> None:
    """Print a message of a run to the user."""
    show(f"featherbench: {message}")


class Progress(Record):
    """The cells of a run with their expected times, and the times of those that are done.

    `took_s` includes the deployments between cells. `at_most`: interim looks decide how many cells
    are measured, and all possible ones are counted.
    """

    expected_s: dict[str, float]
    at_most: bool = False
    last_monotonic_s: float | None = None
    took_s: dict[str, float] = Field(default_factory=dict)

    def time_left_s(self, now_monotonic_s: float) -> float:
        """Return the time left, if each cell takes what those of its platform and workload took.

        If none of these is done, its expected time is scaled by how much slower than expected the
        platform's other cells were, or else all others.
        """
        done = {cell: s for cell, s in self.took_s.items() if cell in self.expected_s}
        left = self.expected_s.keys() - done.keys()
        under_way_s = now_monotonic_s - (self.last_monotonic_s or now_monotonic_s)
        left_s = sum(self.expected_s[cell] * self._pace(cell, done) for cell in left)
        return max(left_s - under_way_s, 0.0)

    def _pace(self, cell: str, done: Mapping[str, float]) -> float:
        """Return actual over expected time of the done cells that are most like this one."""
        platform, workload, *_ = f"{cell}/".split("/")
        for prefix in (f"{platform}/{workload}/", f"{platform}/", ""):
            similar = [name for name in done if name.startswith(prefix)]
            if similar:
                took_s = sum(done[name] for name in similar)
                return took_s / sum(self.expected_s[name] for name in similar)
        return 1.0


def begin(expected_s: Mapping[str, float], *, at_most: bool = False) -> None:
    """Record the cells of a run that starts, with their expected times."""
    Progress(expected_s=dict(expected_s), at_most=at_most).write(FILE)


def drop_cells(cells: Iterable[str]) -> None:
    """Record that cells will not be measured after all."""
    if progress := Progress.read_valid(FILE):
        dropped = set(cells) - progress.took_s.keys()
        left_s = {cell: s for cell, s in progress.expected_s.items() if cell not in dropped}
        progress.model_copy(update={"expected_s": left_s}).write(FILE)


def announce(cell: str) -> str:
    """Return a line with the cell, and, unless it is measured by hand, its number and time left."""
    progress = _current(cell)
    if progress is None:
        return f"measuring {cell}"
    now_s = time.monotonic()
    if progress.last_monotonic_s is None:  # the time for building images is no cell's
        progress.model_copy(update={"last_monotonic_s": now_s}).write(FILE)
    left = approximately(progress.time_left_s(now_s))
    most, up_to = ("at most ", "up to ") if progress.at_most else ("", "")
    number, total = len(progress.took_s) + 1, len(progress.expected_s)
    return f"cell {number} of {most}{total}, {up_to}{left}: {cell}"


def mark_done(cell: str) -> None:
    """Record that a cell is done, and how long it took."""
    if progress := _current(cell):
        now_s = time.monotonic()
        took_s = now_s - (progress.last_monotonic_s or now_s)
        done = {"took_s": {**progress.took_s, cell: took_s}, "last_monotonic_s": now_s}
        progress.model_copy(update=done).write(FILE)


def _current(cell: str) -> Progress | None:
    progress = Progress.read_valid(FILE)  # it is for the terminal only: damage costs no cell
    return progress if progress and cell in progress.expected_s else None


def approximately(seconds: float) -> str:
    """Return a time left, rounded for people."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"about {seconds:.0f} s left"
    return f"about {seconds / 60:.0f} min left"


def summary(cell: Cell) -> str:
    """Return one line on a cell: the middle valid window of each metric, and the verdicts."""
    parts = []
    for metric in dict.fromkeys(window.metric for window in cell.windows):
        of_metric = (window for window in cell.windows if window.metric == metric)
        windows = [window for window in of_metric if window.verdict is not Verdict.INVALID]
        if not windows:
            parts.append(f"{metric} has no valid window")
            continue
        middle = sorted(windows, key=lambda window: window.value)[len(windows) // 2]
        value = f"{middle.value:,.4g}" if middle.value < WHOLE_FROM else f"{middle.value:,.0f}"
        parts.append(f"{metric} {value} {middle.unit}")
    verdicts = [window.verdict.value for window in cell.windows]
    counts = [f"{verdicts.count(v)} {v}" for v in ("ok", "suspect", "invalid") if v in verdicts]
    return f"{'; '.join(parts)} ({', '.join(counts)})"
