# SPDX-License-Identifier: Apache-2.0
"""A call of Snakemake: what its options ask for, and how its errors are shown."""

import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from types import TracebackType
from typing import TypeVar

from featherbench.errors import FeatherbenchError, error_of_system
from featherbench.records.plan import Plan

T = TypeVar("T")
MEASURES_NOTHING = re.compile(
    r"paper\w*|results/paper/.*|-[lSDt]|--(unlock|report|lint|list\S*|summary|detailed-summary"
    r"|rulegraph|filegraph|dag|d3dag|touch|archive|delete-\S+|cleanup-\S+|containerize|help|version)"
)


def or_exit(make: Callable[[], T]) -> T:
    """Return what `make` returns, or exit with one message on an error that a user can mend."""
    try:
        return make()
    except FeatherbenchError as error:
        sys.exit(f"featherbench: {error}")
    except OSError as error:
        sys.exit(f"featherbench: {error_of_system(error)}")


def show_exception(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Show what ends this process: a line where the user has interrupted it; see sys.excepthook."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("featherbench: interrupted\n")
    else:
        sys.__excepthook__(kind, error, traceback)


def is_dry_run(arguments: Iterable[str]) -> bool:
    """Whether Snakemake's options ask for a dry run; it says so itself only after the rules."""
    return any(re.fullmatch(r"--dry-?run|-[Fkp]*n[Fkp]*", argument) for argument in arguments)


def tries_nothing(arguments: Iterable[str]) -> bool:
    """Whether Snakemake's options ask for a dry run, a listing, or the paper's data."""
    listed = list(arguments)
    return is_dry_run(listed) or any(map(MEASURES_NOTHING.fullmatch, listed))


def refuse_empty(plan: Plan, *, dry_run: bool) -> list[str]:
    """Exit if nothing of the plan can run on this machine; return no files in a dry run."""
    missing = [
        f"{platform.name}: {lack.what}\n    remedy: {lack.remedy}"
        for platform in plan.platforms
        for lack in (*platform.missing_requirements, *platform.unsupported_workloads.values())
    ]
    message = "\n  ".join(["featherbench: nothing can be measured here", *dict.fromkeys(missing)])
    if not dry_run:
        sys.exit(message)
    _say_once(message)
    return []


@cache
def _say_once(message: str) -> None:
    sys.stderr.write(f"{message}\n")
