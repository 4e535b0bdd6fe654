# SPDX-License-Identifier: Apache-2.0
"""Removes Snakemake's lock on the folder when the process that took it was killed.

Snakemake leaves the lock behind and then asks the user for `--unlock`. Each process that may take
it is recorded; when all of these have ended, the lock is stale.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.system.polling import wait_until
from featherbench.system.processes import Process, is_alive, ourselves
from featherbench.testbed.lock import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAKEMAKE = Path(".snakemake")
TAKERS = SNAKEMAKE / "featherbench"
OUR_LOCK = SNAKEMAKE / "featherbench.lock"
OURS_WITHIN_S = 10.0


def _may_hold_it(record: Path) -> bool:
    return is_alive(Process.read(record))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    lock = wait_until(lambda: try_lock(OUR_LOCK), what=str(OUR_LOCK), within_s=OURS_WITHIN_S)
    try:
        yield
    finally:
        lock.release()


def drop_stale_lock() -> None:
    """Remove the lock of a killed run, and record that this process may take it next.

    One process at a time: another one that starts now must not remove the lock that this one takes.
    """
    with _one_at_a_time():
        records = list(TAKERS.glob("*.json"))
        if records and not any(map(_may_hold_it, records)):
            for path in [*records, *(SNAKEMAKE / "locks").glob("*.lock")]:
                path.unlink(missing_ok=True)
        us = ourselves()
        us.write(TAKERS / f"{us.pid}.json")
