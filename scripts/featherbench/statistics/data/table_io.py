# SPDX-License-Identifier: Apache-2.0
"""Tables on disk: written atomically, and read back with the same types."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from featherbench.errors import FeatherbenchError, damaged
from featherbench.files import open_atomic

NOT_COMPUTED = "could not be computed: "


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; a missing value is an empty field."""
    with open_atomic(path) as file:
        table.to_csv(file, index=False)


def write_reason(path: Path, reason: str) -> None:
    """Write a table without rows, whose only column says why it could not be computed."""
    write_csv(pd.DataFrame(columns=[NOT_COMPUTED + " ".join(reason.split())]), path)


def require_computed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read. Raise FeatherbenchError if it could not be computed."""
    for column in table.columns:
        if str(column).startswith(NOT_COMPUTED):
            raise FeatherbenchError(f"a table that it needs {column}", remedy="see that failure")
    return table


def write_long_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a long table as CSV, ten times as fast: texts are quoted, and 2.0 becomes 2."""
    with open_atomic(path) as file:
        csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), file)


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet."""
    with open_atomic(path) as file:
        table.to_parquet(file, index=False)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what a damaged file leads to into a RecordError that names it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (ValueError, OSError, pa.ArrowException) as error:
        raise damaged(path, (str(error).splitlines() or [type(error).__name__])[0]) from error


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table from CSV. Only an empty field is missing: a platform may be called `NA`."""
    with _naming(path):
        return pd.read_csv(path, keep_default_na=False, na_values=[""])


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, or some of its columns, from Parquet."""
    with _naming(path):
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
