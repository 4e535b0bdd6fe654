# SPDX-License-Identifier: Apache-2.0
"""How every script runs as a job: its log, and how its end is told to the user.

A failure is data: it is written beside the results, where the report finds it, until the job
succeeds. The user sees what failed and the remedy; the traceback of a fault of ours is in the log.
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
    """Parse the command line of a job; every job has `--log` and `--job`."""
    parser.add_argument("--log", type=Path, required=True, help="where to write the log")
    parser.add_argument("--job", required=True, help="this job's name, such as measure/a/b/d1/c1")
    return parser.parse_args()


def _start_log(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    logging.basicConfig(
        filename=path,
        filemode="a",  # programs that run for long write to the same file
        level=logging.DEBUG,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        force=True,
    )
    for chatty in ("urllib3", "docker", "matplotlib", "fontTools", "PIL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _tell(message: str) -> None:
    sys.stderr.write(f"featherbench: {message}\n")


def _keep(failure: Failure) -> None:
    try:
        failure.write(FAILURES / f"{failure.job}.json")
    except OSError as full:
        _tell(f"the failure could not be recorded: {full}")


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


def run(main: Callable[[Namespace], None], given: Namespace) -> int:
    """Run a job's `main` and give its exit status: 0, 1 when it failed, 130 when interrupted."""
    try:
        _start_log(given.log)
        main(given)
    except KeyboardInterrupt:
        _tell(f"{given.job}: interrupted")
        return INTERRUPTED
    except Exception as error:
        logger.exception("the job failed")
        failure = _failure(error, given.job, given.log)
        _keep(failure)
        _tell(
            f"{given.job} failed: {failure.message}"
            f"\n  remedy: {failure.remedy or 'see the log'}\n  log: {given.log}"
        )
        return FAILED
    (FAILURES / f"{given.job}.json").unlink(missing_ok=True)
    return 0
