# SPDX-License-Identifier: Apache-2.0
"""The outcome of a comparison as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.comparison.outcome import Reading
from featherbench.statistics.run_comparison import EXACT
from featherbench.wording.formatting import NOTHING, number, p_value, ratio
from featherbench.wording.metric_labels import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.comparison.outcome import Change, Outcome

COLOURS = {Reading.WORSE: "31", Reading.BETTER: "32", Reading.NOT_COMPARED: "33"}
HEADINGS = ("", "platform", "metric", "at", "A", "B", "B / A", "95 % interval", "p", "")
LEFT = (0, 1, 2, 9)
"""The columns of text; all others are numbers."""
MOST_WARNINGS = 12


def render(outcome: Outcome, *, colour: bool) -> str:
    """Give warnings, the table, and what to make of it."""
    ordered = [change for reading in Reading for change in outcome.having(reading)]
    return "\n".join(
        [
            f"A: {outcome.run_a}",
            f"B: {outcome.run_b}",
            *_warnings(outcome),
            "",
            *_table(ordered, colour=colour),
            "",
            *_explained(outcome),
            "",
        ]
    )


def _warnings(outcome: Outcome) -> Iterator[str]:
    if outcome.differences:
        yield "warning: the runs differ in this too, which may be behind a change:"
        yield from (f"  {found}" for found in outcome.differences[:MOST_WARNINGS])
        if (more := len(outcome.differences) - MOST_WARNINGS) > 0:
            yield f"  and {more} more: --json has them"
    for missing in outcome.unknown:
        yield f"warning: {missing}: whether it differs is not known"


def _table(ordered: Sequence[Change], *, colour: bool) -> Iterator[str]:
    rows = [HEADINGS, *map(_cells, ordered)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, change in zip(rows, (None, *ordered), strict=True):
        cells = [
            f"{text:<{width}}" if place in LEFT else f"{text:>{width}}"
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        paint = COLOURS.get(change.reading) if change and colour else None
        head = f"\033[{paint}m{cells[0]}\033[0m" if paint else cells[0]
        yield "  ".join([head, *cells[1:]]).rstrip()


def _cells(change: Change) -> tuple[str, ...]:
    bounded = change.ci_low is not None and change.ci_high is not None
    return (
        change.reading.value,
        change.platform,
        label(change.metric),
        f"{change.concurrency:,}",
        number(change.mean_a),
        f"{number(change.mean_b)} {change.unit}",
        ratio(change.ratio),
        f"{ratio(change.ci_low)} to {ratio(change.ci_high)}" if bounded else NOTHING,
        p_value(change.p_change),
        change.note,
    )


def _explained(outcome: Outcome) -> Iterator[str]:
    counts = ", ".join(f"{len(outcome.having(reading))} {reading.value}" for reading in Reading)
    tests = {change.test for change in outcome.changes if change.test} - {EXACT}
    margin = f"{outcome.equivalence_margin_percent:g} %"
    yield f"{len(outcome.changes)} comparisons: {counts}."
    yield f"worse, better: by more than {margin}, at 5 % for all comparisons together (Holm);"
    yield f"same: within {margin}, at the same level; undecided: neither was shown."
    if tests:
        yield f"Tested with {' and '.join(sorted(tests))} of deployments."
    yield "A run is one occasion on its host: see that a change comes again before you act on it."
