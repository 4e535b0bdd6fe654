# SPDX-License-Identifier: Apache-2.0
"""Snakemake's lock on the folder, when whoever took it was killed.

Snakemake leaves it behind and then asks the user for `--unlock`. We note which processes may have
taken it; when every one of them is gone, it is nobody's.
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
    """Remove the lock of a run that was killed, and note that this process may take it next.

    One at a time: another that begins now must not remove the lock that this one takes.
    """
    with _one_at_a_time():
        records = list(TAKERS.glob("*.json"))
        if records and not any(map(_may_hold_it, records)):
            for path in [*records, *(SNAKEMAKE / "locks").glob("*.lock")]:
                path.unlink(missing_ok=True)
        us = ourselves()
        us.write(TAKERS / f"{us.pid}.json")
