# SPDX-License-Identifier: Apache-2.0
"""Runs every script as a job: with a log, and a message and a record if it fails.

A failure is data: its record lies beside the results, where the report finds it, until the job
succeeds. The user sees what failed and the remedy; the log has the traceback.
"""

import logging
import os
import shutil
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from inspect import Parameter, signature
from pathlib import Path
from select import select
from threading import Thread
from typing import Any, NoReturn, TypeVar

from featherbench.clock import now_utc
from featherbench.errors import FeatherbenchError, WorkflowGoneError, error_of_system
from featherbench.records.cell import Failure
from featherbench.testbed.reservation import our_workflow

logger = logging.getLogger(__name__)
P = TypeVar("P")

FAILED, INTERRUPTED = 1, 130
PYTHON = ("env", "--block-signal=INT", "--block-signal=TERM", "python")
"""Starts a script: signals wait until it handles them, or Python would show where it was."""
FAILURES = Path("results/failures")
JOBS_OF_PARTS: Mapping[str, str | None] = {
    "plot": "results/figures",
    "analyze": "results/tables",
    "paper_comparison": "results/tables",
    "paper_figures": "results/paper/figures",
    "rulegraph": "results",
    "report": None,
}
"""Jobs of which a part may fail, and the folders of the files that are then made again."""


def _arguments(main: Callable[..., None]) -> dict[str, Any]:
    """Parse the command line: an option for each parameter of `main`, and `--log` and `--job`.

    A parameter is a str, a Path, or, where its default is an empty tuple, several Paths.
    """
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("--log", type=Path, required=True, help="where to write the log")
    parser.add_argument("--job", required=True, help="this job's name, such as measure/a/b/d1/c1")
    for name, parameter in signature(main).parameters.items():
        if name not in {"log", "job"}:
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=str if parameter.annotation is str else Path,
                nargs="*" if parameter.default == () else None,
                default=parameter.default,
                required=parameter.default is Parameter.empty,
            )
    return vars(parser.parse_args())


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
        kind, message, remedy = "OSError", str(error), error_of_system(error).remedy
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


def record_part(error: Exception, job: str, part: str, log: Path) -> str:
    """Record and show that a part of a job's result could not be made; return why."""
    logger.error("%s failed", part, exc_info=error)
    failure = _failure(error, f"{job}/{part}", log)
    _record(failure)
    _print_error(f"{failure.job} failed: {failure.message}; the others are made\n  log: {log}")
    return failure.message


def make_parts(
    parts: Mapping[str, P],
    make: Callable[[P], None],
    instead: Callable[[P, str], None],
    *,
    log: Path,
    job: str,
) -> None:
    """Make each named part of a job's result, or what stands `instead` of it, with the reason.

    A part that fails costs neither the job nor the others; it has a record of its own, and
    `run_end` ends the run with a failure. A full disk fails the job.
    """
    forget_parts(job)
    for name, part in parts.items():
        try:
            make(part)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one part's
            instead(part, record_part(error, job, name, log))


def forget_parts(job: str) -> None:
    """Remove the records of parts of a job that begins again."""
    shutil.rmtree(FAILURES / job, ignore_errors=True)


def end_with_failed_parts() -> None:
    """Exit with a failure if a part of a job has failed, and have it made again by the next run."""
    names = []
    for job, folder in JOBS_OF_PARTS.items():
        for file in sorted((FAILURES / job).glob("*.json")):
            names.append(f"{job}/{file.stem}")
            for output in Path(folder).glob(f"{file.stem}.*") if folder else ():
                output.unlink()
    if names:
        _print_error(f"could not be made: {', '.join(names)}; the report has the reasons")
        sys.exit(FAILED)


@contextmanager
def _signals_delivered() -> Iterator[None]:
    """Let signals through that this process was started without; see `PYTHON`."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def status_of(main: Callable[..., None], log: Path, job: str, **options: object) -> int:
    """Run a job's `main`; return its exit status: 0, 1 if it failed, 130 if interrupted."""
    given = {"log": log, "job": job, **options}
    try:
        _start_log(log)
        with _signals_delivered():
            main(**{name: given[name] for name in signature(main).parameters})
    except KeyboardInterrupt:
        _print_error(f"{job}: interrupted")
        return INTERRUPTED
    except WorkflowGoneError as gone:  # of a run that was killed: no failure of this job
        _print_error(f"{job}: interrupted: {gone}")
        return INTERRUPTED
    except Exception as error:
        logger.exception("the job failed")
        failure = _failure(error, job, log)
        _record(failure)
        _print_error(
            f"{job} failed: {failure.message}"
            f"\n  remedy: {failure.remedy or 'see the log'}\n  log: {log}"
        )
        return FAILED
    (FAILURES / f"{job}.json").unlink(missing_ok=True)
    return 0


def _end_with_workflow() -> None:
    """Have SIGTERM interrupt this job, and the end of its workflow too.

    A job that goes on would write into the results of the next run.
    """

    def watch() -> None:
        with suppress(WorkflowGoneError, ProcessLookupError):
            select([os.pidfd_open(our_workflow().pid)], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    Thread(target=watch, daemon=True).start()


def run(main: Callable[..., None]) -> NoReturn:
    """Run a script's `main` with the options of the command line, and exit."""
    _end_with_workflow()
    sys.exit(status_of(main, **_arguments(main)))
