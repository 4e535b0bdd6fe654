# SPDX-License-Identifier: Apache-2.0
"""Runs every script as a job: with a log, and a message and a record if it fails.

A failure is data: its record lies beside the results, where the report finds it, until the job
succeeds. The user sees what failed and the remedy; the log has the traceback.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.clock import now_utc
from featherbench.errors import FeatherbenchError
from featherbench.records.cell import Failure

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

logger = logging.getLogger(__name__)

FAILED, INTERRUPTED = 1, 130
FAILURES = Path("results/failures")


def arguments(parser: ArgumentParser) -> Namespace:
    """Parse a job's command line, which always has `--log` and `--job`."""
    parser.add_argument("--log", type=Path, required=True, help="where to write the log")
    parser.add_argument("--job", required=True, help="this job's name, such as measure/a/b/d1/c1")
    return parser.parse_args()


def _start_log(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    logging.basicConfig(
        filename=path,
        filemode="a",  # long-running programs write to the same file
        level=logging.DEBUG,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        force=True,
    )
    for chatty in ("urllib3", "docker", "matplotlib", "fontTools", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _print_error(message: str) -> None:
    sys.stderr.write(f"featherbench: {message}\n")


def _record(failure: Failure) -> None:
    try:
        failure.write(FAILURES / f"{failure.job}.json")
    except OSError as error:
        _print_error(f"the failure could not be recorded: {error}")


def _failure(error: Exception, job: str, log: Path) -> Failure:
    if isinstance(error, FeatherbenchError):
        kind, message, remedy = type(error).__name__, error.message, error.remedy
    elif isinstance(error, OSError):
        kind, message, remedy = "OSError", str(error), "make room or give access, and run again"
    else:
        kind, message = "Fault", f"{type(error).__name__}: {error}"
        remedy = f"this is a fault of featherbench; please report it with {log}"
    return Failure(
        job=job,
        kind=kind,
        message=message,
        remedy=remedy,
        failed_utc=now_utc(),
        log=str(log),
    )


def run(main: Callable[[Namespace], None], options: Namespace) -> int:
    """Run a job's `main`; return its exit status: 0, 1 if it failed, 130 if interrupted."""
    try:
        _start_log(options.log)
        main(options)
    except KeyboardInterrupt:
        _print_error(f"{options.job}: interrupted")
        return INTERRUPTED
    except Exception as error:
        logger.exception("the job failed")
        failure = _failure(error, options.job, options.log)
        _record(failure)
        _print_error(
            f"{options.job} failed: {failure.message}"
            f"\n  remedy: {failure.remedy or 'see the log'}\n  log: {options.log}"
        )
        return FAILED
    (FAILURES / f"{options.job}.json").unlink(missing_ok=True)
    return 0
