# SPDX-License-Identifier: Apache-2.0
"""Progress on the terminal: cell k of n, what was measured, time left.

Snakemake knows which cells it will run; it writes them here when it starts. The measuring jobs,
one at a time, tick them off.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from featherbench.records.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from featherbench.records.cell import Cell, Window
    from featherbench.records.plan import PlannedPlatform

FILE = Path("results/logs/progress.json")
SEARCHED = "memory"
"""The workload that is a search where an instance's memory is fixed."""


IN_A_GUEST, EMULATED, SEARCHING = 3.0, 15.0, 10.0
"""How many times as long as natively a cell takes, about: a guest boots first, and a search for the
least memory starts it some twenty times. They count until the first cell of the kind is done."""


def expected_s(nominal_s: float, platform: PlannedPlatform, workload: str) -> float:
    """About how long a cell takes on a platform, of its nominal time on this machine itself."""
    slower = EMULATED if platform.emulated else IN_A_GUEST if platform.virtualized else 1.0
    searching = SEARCHING if workload == SEARCHED and platform.fixed_memory else 1.0
    return nominal_s * slower * searching


class Progress(Record):
    """The cells of this run with the times that they are expected to take, and those that are done.

    `took_s` has what they took, with the deployments between. `at_most` as many: where measuring
    goes on until it is enough, all are counted that may come.
    """

    expected_s: dict[str, float]
    at_most: bool = False
    last_monotonic_s: float | None = None
    took_s: dict[str, float] = Field(default_factory=dict)

    def time_left_s(self, now_monotonic_s: float) -> float:
        """Take each cell to need what those of its platform and workload did.

        Where none of them is done, what was expected of it is scaled as the platform's others, or
        all others, were slower than expected.
        """
        done = {cell: s for cell, s in self.took_s.items() if cell in self.expected_s}
        left = self.expected_s.keys() - done.keys()
        under_way_s = now_monotonic_s - (self.last_monotonic_s or now_monotonic_s)
        left_s = sum(self.expected_s[cell] * self._pace(cell, done) for cell in left)
        return max(left_s - under_way_s, 0.0)

    def _pace(self, cell: str, done: Mapping[str, float]) -> float:
        """Tell how many times the expected time the cells took that are most like this one."""
        platform, workload, *_ = f"{cell}/".split("/")
        for likeness in (f"{platform}/{workload}/", f"{platform}/", ""):
            alike = [each for each in done if each.startswith(likeness)]
            if alike:
                took_s = sum(done[each] for each in alike)
                return took_s / sum(self.expected_s[each] for each in alike)
        return 1.0


def begin(expected_s: Mapping[str, float], *, at_most: bool = False) -> None:
    """Note, when a run starts, which cells it will measure, and how long they are to take."""
    Progress(expected_s=dict(expected_s), at_most=at_most).write(FILE)


def drop_cells(cells: Iterable[str]) -> None:
    """Note that cells will not be measured after all."""
    if FILE.exists():
        progress = Progress.read(FILE)
        gone = set(cells) - progress.took_s.keys()
        left_s = {cell: s for cell, s in progress.expected_s.items() if cell not in gone}
        progress.model_copy(update={"expected_s": left_s}).write(FILE)


def announce(cell: str) -> str:
    """Say which cell is being measured, the how many'th it is, and the time left.

    A cell may be measured by hand, outside a run that was begun; then there is nothing to count.
    """
    progress = _current(cell)
    if progress is None:
        return f"measuring {cell}"
    now_s = time.monotonic()
    if progress.last_monotonic_s is None:  # building images is over, and not part of the pace
        progress.model_copy(update={"last_monotonic_s": now_s}).write(FILE)
    left = approximately(progress.time_left_s(now_s))
    most, up_to = ("at most ", "up to ") if progress.at_most else ("", "")
    number, total = len(progress.took_s) + 1, len(progress.expected_s)
    return f"cell {number} of {most}{total}, {up_to}{left}: {cell}"


def tick(cell: str) -> None:
    """Note that a cell is done."""
    if progress := _current(cell):
        now_s = time.monotonic()
        took_s = now_s - (progress.last_monotonic_s or now_s)
        done = {"took_s": {**progress.took_s, cell: took_s}, "last_monotonic_s": now_s}
        progress.model_copy(update=done).write(FILE)


def _current(cell: str) -> Progress | None:
    if not FILE.exists():
        return None
    progress = Progress.read(FILE)
    return progress if cell in progress.expected_s else None


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
