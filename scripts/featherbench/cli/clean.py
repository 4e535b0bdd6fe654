# SPDX-License-Identifier: Apache-2.0
"""`featherbench clean`: remove every leftover of a broken run, and nothing else."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence

from featherbench.testbed import cleanup
from featherbench.testbed.cleanup import CleanupResult
from featherbench.testbed.state import current_state

ALL_GONE, SOMETHING_LEFT = 0, 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("clean", help="remove every leftover of a broken run")
    parser.add_argument("--dry-run", action="store_true", help="list what is left, remove nothing")
    parser.add_argument(
        "--plugins",
        action="append",
        default=[],
        metavar="FOLDER",
        help="a plugin folder whose platforms may have left something; may be repeated",
    )


def run(arguments: Namespace) -> int:
    """Clean, or list, and print the results. Return 0 when nothing is left, else 1."""
    if arguments.dry_run:
        steps = cleanup.planned_steps(current_state(), arguments.plugins)
        sys.stdout.write(render([CleanupResult(name=step.name) for step in steps], done="left"))
        return SOMETHING_LEFT if steps else ALL_GONE
    results = cleanup.clean(current_state(), arguments.plugins)
    sys.stdout.write(render(results, done="removed"))
    return SOMETHING_LEFT if any(result.failure for result in results) else ALL_GONE


def render(results: Sequence[CleanupResult], *, done: str) -> str:
    """Return one line for each result; `done` is what happened to those without a failure."""
    lines = [
        f"NOT {done} {result.name}: {result.failure}" if result.failure else f"{done} {result.name}"
        for result in results
    ]
    return "\n".join(lines or ["nothing is left"]) + "\n"
