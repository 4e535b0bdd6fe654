# SPDX-License-Identifier: Apache-2.0
"""Progress on the terminal: cell k of n, what was measured, time left.

Snakemake knows which cells it will run; it writes them here when it starts. The measuring jobs,
one at a time, tick them off.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from featherbench.record import Cell, Window

FILE = Path("results/logs/progress.json")


class Progress(Record):
    """The cells of this run with their nominal durations, and those that are done.

    `at_most` as many: where measuring goes on until it is enough, all are counted that may come.
    """

    nominal_s: dict[str, float]
    at_most: bool = False
    first_monotonic_s: float | None = None
    done: tuple[str, ...] = ()

    def time_left_s(self, now_monotonic_s: float) -> float:
        """Scale what is left by how much slower than nominal the cells done were."""
        done_s = sum(self.nominal_s[cell] for cell in self.done)
        left_s = sum(self.nominal_s.values()) - done_s
        if self.first_monotonic_s is None or not done_s:
            return left_s
        return left_s * (now_monotonic_s - self.first_monotonic_s) / done_s


def begin(nominal_s: Mapping[str, float], *, at_most: bool = False) -> None:
    """Note, when a run starts, which cells it will measure."""
    Progress(nominal_s=dict(nominal_s), at_most=at_most).write(FILE)


def forgo(cells: Iterable[str]) -> None:
    """Note that cells will not be measured after all."""
    if FILE.exists():
        progress = Progress.read(FILE)
        gone = set(cells) - set(progress.done)
        left_s = {cell: s for cell, s in progress.nominal_s.items() if cell not in gone}
        progress.model_copy(update={"nominal_s": left_s}).write(FILE)


def announce(cell: str) -> str:
    """Say which cell is being measured, the how many'th it is, and the time left.

    A cell may be measured by hand, outside a run that was begun; then there is nothing to count.
    """
    progress = _current(cell)
    if progress is None:
        return f"measuring {cell}"
    now_s = time.monotonic()
    if progress.first_monotonic_s is None:  # building images is over, and not part of the pace
        progress.model_copy(update={"first_monotonic_s": now_s}).write(FILE)
    left = approximately(progress.time_left_s(now_s))
    most, up_to = ("at most ", "up to ") if progress.at_most else ("", "")
    return (
        f"cell {len(progress.done) + 1} of {most}{len(progress.nominal_s)}, {up_to}{left}: {cell}"
    )


def tick(cell: str) -> None:
    """Note that a cell is done."""
    if progress := _current(cell):
        progress.model_copy(update={"done": (*progress.done, cell)}).write(FILE)


def _current(cell: str) -> Progress | None:
    if not FILE.exists():
        return None
    progress = Progress.read(FILE)
    return progress if cell in progress.nominal_s else None


def approximately(seconds: float) -> str:
    """Say a time left as one would to a person."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"about {seconds:.0f} s left"
    return f"about {seconds / 60:.0f} min left"


def _figure(window: Window) -> str:
    return f"{window.value:,.4g}" if window.value < 10_000 else f"{window.value:,.0f}"  # noqa: PLR2004


def summary(cell: Cell) -> str:
    """One line on what a cell gave: the middle window of each metric, and the verdicts."""
    parts = []
    for metric in dict.fromkeys(window.metric for window in cell.windows):
        windows = sorted(
            (w for w in cell.windows if w.metric == metric), key=lambda window: window.value
        )
        middle = windows[len(windows) // 2]
        parts.append(f"{metric} {_figure(middle)} {middle.unit}")
    verdicts = [window.verdict.value for window in cell.windows]
    counts = [f"{verdicts.count(v)} {v}" for v in ("ok", "suspect", "invalid") if v in verdicts]
    return f"{'; '.join(parts)} ({', '.join(counts)})"
