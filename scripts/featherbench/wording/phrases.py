# SPDX-License-Identifier: Apache-2.0
"""Labels of metrics, and parts of sentences that report, claims and comparisons share."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from featherbench.records.load_point import Axis, LoadPoint
from featherbench.records.plan import Plan
from featherbench.wording.formatting import NO_VARIATION, is_point, p_value, ratio

COUNTERPARTS = {"load": "minimum", "minimum": "load"}
"""Statistics of one quantity, of which a platform has one or the other."""
FEW_LEVELS = 2
"""More levels than this are summarized in one sentence."""


def format_p(p: float) -> str:
    """Return "p = …" or "p < …"."""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def interval(low: float, high: float, spell: Callable[[float | None], str] = ratio) -> str:
    """Return "95 % interval LOW to HIGH"; an upper bound may be infinite."""
    upper = "without upper bound" if high == math.inf else f"to {spell(high)}"
    return f"95 % interval {spell(low)} {upper}"


def in_brackets(low: float, high: float, spell: Callable[[float | None], str] = ratio) -> str:
    """Return the interval in brackets after a blank; nothing if there is none."""
    if not math.isfinite(low):
        return ""
    return f" ({NO_VARIATION if is_point(low, high) else interval(low, high, spell)})"


def suspect_note(n_suspect: int) -> str:
    """Return how many suspect windows a sentence is based on; nothing if there are none."""
    return f"; includes {plural(n_suspect, 'suspect window')}" if n_suspect else ""


def at_levels(levels: Sequence[int], axis: Axis = Axis.CONNECTIONS) -> str:
    """Return "at N connections", or requests/s, or percent, after a blank."""
    is_one = axis is Axis.CONNECTIONS and list(levels) == [1]
    noun = "connection" if is_one else axis.value
    return f" at {', '.join(f'{level:,}' for level in levels)} {noun}"


def at_level(level: int, *, sweeps: bool, axis: Axis = Axis.CONNECTIONS) -> str:
    """Return the level if there are several."""
    return at_levels([level], axis) if sweeps else ""


def axis_of(row: Mapping[str, Any]) -> Axis:
    """Return what the level in a table's row counts: connections, if it has no load point."""
    point = row.get("load_point")
    return LoadPoint(point).axis if isinstance(point, str) else Axis.CONNECTIONS


def counted(values: Iterable[str], order: Iterable[str], preposition: str) -> str:
    """Return how often each value occurs: "lower at 2, inconclusive at 1"."""
    counts = Counter(values)
    return ", ".join(f"{value} {preposition} {counts[value]:,}" for value in order if counts[value])


def plural(n: int, noun: str) -> str:
    """Return a number with its noun, which takes an s unless the number is 1."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def capitalized(text: str) -> str:
    """Return the text with its first letter as a capital; the others stay."""
    return text[:1].upper() + text[1:]


def label(plan: Plan | None, metric: str) -> str:
    """Return the label of a metric; its name without underscores if it is not declared."""
    declared = plan.metric(metric) if plan else None
    return declared.label if declared else metric.replace("_", " ")


def counterpart(plan: Plan | None, metric: str) -> str:
    """Return the metric that other platforms have instead: memory in use, or minimum memory."""
    declared = plan.metric(metric) if plan else None
    if plan is None or declared is None:
        return ""
    quantity = (declared.service, declared.aspect, COUNTERPARTS.get(declared.statistic))
    for other in plan.metrics:
        if (other.service, other.aspect, other.statistic) == quantity:
            return other.name
    return ""
