# SPDX-License-Identifier: Apache-2.0
"""The result of a comparison as text for a terminal."""

from collections.abc import Iterator, Sequence

from featherbench.comparison.outcome import Change, ChangeReading, ComparisonResult
from featherbench.records.load_point import Axis, LoadPoint
from featherbench.statistics.run_comparison import EXACT
from featherbench.wording.formatting import NOTHING, number, p_value, ratio

COLOURS = {ChangeReading.WORSE: "31", ChangeReading.BETTER: "32", ChangeReading.NOT_COMPARED: "33"}
HEADINGS = ("", "platform", "metric", "at", "A", "B", "B / A", "95 % interval", "p", "")
LEFT = (0, 1, 2, 9)
"""The columns of text; all others are numbers."""
MOST_DIFFERENCES = 12


def render(result: ComparisonResult, *, colour: bool) -> str:
    """Return the warnings, the table, and an explanation."""
    ordered = [change for reading in ChangeReading for change in result.with_reading(reading)]
    return "\n".join(
        [
            f"A: {result.run_a}",
            f"B: {result.run_b}",
            *_warnings(result),
            "",
            *_table(ordered, colour=colour),
            "",
            *_explanation(result),
            "",
        ]
    )


def _warnings(result: ComparisonResult) -> Iterator[str]:
    if result.differences:
        yield "warning: the runs also differ in the following, which may cause a change:"
        yield from (f"  {difference}" for difference in result.differences[:MOST_DIFFERENCES])
        if (more := len(result.differences) - MOST_DIFFERENCES) > 0:
            yield f"  and {more} more: --json lists them"
    for missing in result.unknown:
        yield f"warning: {missing}, so that differences in it are not known"


def _table(ordered: Sequence[Change], *, colour: bool) -> Iterator[str]:
    closed = all(LoadPoint(change.load_point).axis is Axis.CONNECTIONS for change in ordered)
    rows = [HEADINGS, *(_cells(change, closed=closed) for change in ordered)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, change in zip(rows, (None, *ordered), strict=True):
        cells = [
            f"{text:<{width}}" if place in LEFT else f"{text:>{width}}"
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        paint = COLOURS.get(change.reading) if change and colour else None
        head = f"\033[{paint}m{cells[0]}\033[0m" if paint else cells[0]
        yield "  ".join([head, *cells[1:]]).rstrip()


def _cells(change: Change, *, closed: bool) -> tuple[str, ...]:
    has_interval = change.ci_low is not None and change.ci_high is not None
    return (
        change.reading.value,
        change.platform,
        change.label,
        f"{change.level:,}" if closed else change.load_point,
        number(change.mean_a),
        f"{number(change.mean_b)} {change.unit}",
        ratio(change.ratio),
        f"{ratio(change.ci_low)} to {ratio(change.ci_high)}" if has_interval else NOTHING,
        p_value(change.p_change),
        change.note,
    )


def _explanation(result: ComparisonResult) -> Iterator[str]:
    counts = (f"{len(result.with_reading(reading))} {reading.value}" for reading in ChangeReading)
    tests = {
        f"{change.test} of {change.replicate}s"
        for change in result.changes
        if change.test and change.test != EXACT
    }
    margin = f"{result.equivalence_margin_percent:g} %"
    yield f"{len(result.changes)} comparisons: {', '.join(counts)}."
    yield f"worse, better: by more than {margin}, at 5 % for all comparisons together (Holm);"
    yield f"equivalent: within {margin}, at the same level; inconclusive: neither was shown."
    if tests:
        yield f"Tested with {' and '.join(sorted(tests))}."
    yield "A run is one occasion on its machine: check that a change occurs again before you act."
