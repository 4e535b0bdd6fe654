# SPDX-License-Identifier: Apache-2.0
"""`featherbench compare A B`: what changed between two runs, and by how much."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import FeatherbenchError

if TYPE_CHECKING:
    from featherbench.comparison.outcome import ComparisonResult

DEFAULT_MARGIN_PERCENT = 5.0
CANNOT_COMPARE = 2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser(
        "compare",
        help="what changed between two runs",
        epilog="exit status: 0 nothing is worse by more than the margin; 1 something is; "
        "2 something, or all, could not be compared",
    )
    parser.add_argument("a", type=Path, metavar="A", help="the results folder of the earlier run")
    parser.add_argument("b", type=Path, metavar="B", help="the results folder of the later run")
    parser.add_argument(
        "--margin",
        type=_percent,
        default=DEFAULT_MARGIN_PERCENT,
        metavar="PERCENT",
        help="changes within this margin count as equivalent (default: 5)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; return the exit status that the help describes."""
    try:
        result = _compare(arguments.a, arguments.b, arguments.margin)
    except FeatherbenchError as error:
        sys.stderr.write(f"featherbench: {error}\n")
        return CANNOT_COMPARE
    if arguments.json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
    else:
        from featherbench.comparison.text import render  # noqa: PLC0415 - as below

        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(render(result, colour=colour))
    return result.exit_status


def _compare(a: Path, b: Path, equivalence_margin_percent: float) -> ComparisonResult:
    # imports that take seconds, for which the other commands need not wait
    from featherbench.comparison import outcome, run  # noqa: PLC0415

    if a.resolve() == b.resolve():
        raise FeatherbenchError(
            f"{a} and {b} are the same folder",
            remedy="copy `results` before the second run, and compare it with the copy",
        )
    return outcome.compare(run.read(a), run.read(b), equivalence_margin_percent)


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a percentage of at least 0")
    return value
