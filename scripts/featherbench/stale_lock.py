# SPDX-License-Identifier: Apache-2.0
"""Snakemake's lock on the folder, when whoever took it was killed.

Snakemake leaves it behind and then asks the user for `--unlock`. We note which processes may have
taken it; when every one of them is gone, it is nobody's.
"""

from __future__ import annotations

from pathlib import Path

from featherbench.testbed.processes import Process, is_alive, ourselves

SNAKEMAKE = Path(".snakemake")
TAKERS = SNAKEMAKE / "featherbench"


def _may_hold_it(record: Path) -> bool:
    return is_alive(Process.read(record))


def drop_stale_lock() -> None:
    """Remove the lock of a run that was killed, and note that this process may take it next."""
    records = list(TAKERS.glob("*.json"))
    if records and not any(map(_may_hold_it, records)):
        for path in [*records, *(SNAKEMAKE / "locks").glob("*.lock")]:
            path.unlink(missing_ok=True)
    us = ourselves()
    us.write(TAKERS / f"{us.pid}.json")
