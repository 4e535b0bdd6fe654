# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: whether it can be used, its stale lock, and its damaged files."""

import errno
import os
from pathlib import Path

from featherbench.errors import FeatherbenchError, RecordError
from featherbench.jobs import progress
from featherbench.records.base import Record
from featherbench.records.cell import Deployment, Warmup
from featherbench.records.machine import MachineRecord
from featherbench.records.plan import Plan
from featherbench.records.stopping_decisions import InterimLook
from featherbench.system.polling import wait_until
from featherbench.system.processes import Process, identity_of, is_alive, ourselves
from featherbench.testbed.lock import try_lock

SNAKEMAKE = Path(".snakemake")
TAKERS = SNAKEMAKE / "featherbench"
OUR_LOCK = SNAKEMAKE / "featherbench.lock"
OURS_WITHIN_S = 10.0
RESULTS = Path("results")
MADE_AGAIN: dict[str, type[Record]] = {
    "plan.json": Plan,
    "machine.json": MachineRecord,
    "deployments/**/*.json": Deployment,
    "warmups/**/*.json": Warmup,
    "stopping/**/*.json": InterimLook,
}
ENDS = {".csv": b"\n", ".parquet": b"PAR1", ".svg": b"</svg>\n", ".png": b"IEND\xaeB`\x82"}
FOLDERS = ("", "tables/", "figures/", "paper/*/")


def require_usable_folder() -> None:
    """Raise an error if Snakemake or apt cannot work in this folder; a dry run needs as much."""
    if '"' in str(Path.cwd()):
        raise FeatherbenchError(
            f"apt cannot handle the double quote in {Path.cwd()}",
            remedy="rename the folder, or choose another one: `--directory FOLDER`",
        )
    folder = next(filter(Path.exists, (SNAKEMAKE / "shadow", SNAKEMAKE, Path())))
    if folder.name != "shadow" and not os.access(folder, os.W_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        refused = errno.EROFS if read_only else errno.EACCES
        raise OSError(refused, os.strerror(refused), str(SNAKEMAKE))


def prepare() -> None:
    """Prepare the folder for a run: no stale lock, and no damaged file that can be made again."""
    drop_stale_lock()
    drop_damaged_files()


def drop_damaged_files() -> None:
    """Remove damaged files that jobs of this run then make again, and say so.

    An image's is no output that jobs ask for, and a cell costs most: they are left to the user.
    """
    for pattern, model in MADE_AGAIN.items():
        for file in sorted(RESULTS.glob(pattern)):
            try:
                model.read(file)
            except RecordError as error:
                _drop(file, error.message)
    for folder in FOLDERS:
        for file in sorted(RESULTS.glob(f"{folder}*")):
            if file.suffix in ENDS and not _is_whole(file):
                _drop(file, f"{file} is truncated")


def _drop(file: Path, fault: str) -> None:
    file.unlink(missing_ok=True)
    progress.say(f"{fault}: it is made again")


def _is_whole(file: Path) -> bool:
    """Whether a file of these kinds ends as all of them do."""
    end = ENDS[file.suffix]
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - len(end)))
        return content.read() == end


def _is_alive(taker: Path) -> bool:
    """Whether the process of a record lives; where it is damaged, the one of that number."""
    process = Process.read_valid(taker)
    return is_alive(process) if process else identity_of(int(taker.stem)) is not None


def drop_stale_lock() -> None:
    """Remove the lock of a killed run, and record that this process may take it next.

    Snakemake leaves its lock on the folder behind, and then asks the user for `--unlock`. The lock
    is stale when all processes that may have taken it have ended. One process at a time: another
    one that starts now must not remove the lock that this one takes.
    """
    lock = wait_until(lambda: try_lock(OUR_LOCK), what=str(OUR_LOCK), within_s=OURS_WITHIN_S)
    try:
        records = list(TAKERS.glob("[0-9]*.json"))
        if records and not any(map(_is_alive, records)):
            for path in [*TAKERS.glob("*.json"), *(SNAKEMAKE / "locks").glob("*.lock")]:
                path.unlink(missing_ok=True)
        us = ourselves()
        us.write(TAKERS / f"{us.pid}.json")
    finally:
        lock.release()
