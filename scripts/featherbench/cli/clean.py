# SPDX-License-Identifier: Apache-2.0
"""`python -m featherbench clean`: remove every leftover of a broken run, and only ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from featherbench.testbed import cleanup
from featherbench.testbed.cleanup import Removal
from featherbench.testbed.state import current_state

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Sequence

ALL_GONE, SOMETHING_LEFT = 0, 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("clean", help="remove every leftover of a broken run")
    parser.add_argument("--dry-run", action="store_true", help="say what is left, remove nothing")
    parser.add_argument(
        "--plugins",
        action="append",
        default=[],
        metavar="FOLDER",
        help="a plugin folder whose platforms may have left something; may be given repeatedly",
    )


def run(arguments: Namespace) -> int:
    """Clean, or list, and say so. Gives 0 when nothing is left, else 1."""
    if arguments.dry_run:
        found = [
            Removal(name=each.name) for each in cleanup.listed(current_state(), arguments.plugins)
        ]
        sys.stdout.write(render(found, done="left"))
        return SOMETHING_LEFT if found else ALL_GONE
    removals = cleanup.clean(current_state(), arguments.plugins)
    sys.stdout.write(render(removals, done="removed"))
    return SOMETHING_LEFT if any(each.failure for each in removals) else ALL_GONE


def render(removals: Sequence[Removal], *, done: str) -> str:
    """Give one line for each; `done` is what happened to those without a failure."""
    lines = [
        f"NOT {done} {each.name}: {each.failure}" if each.failure else f"{done} {each.name}"
        for each in removals
    ]
    return "\n".join(lines or ["nothing is left"]) + "\n"
