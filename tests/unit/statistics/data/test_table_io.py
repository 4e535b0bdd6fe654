# SPDX-License-Identifier: Apache-2.0
"""A damaged table is named, with the command that mends it."""

import pandas as pd
import pytest

from featherbench.errors import RecordError
from featherbench.statistics.data import table_io


@pytest.mark.parametrize("kept", [0, 1, 0.5, -1], ids=["empty", "a byte", "half", "all but one"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_damaged_table_is_named(tmp_path, kind, kept):
    file = tmp_path / f"a table.{kind}"
    write = {"csv": table_io.write_csv, "parquet": table_io.write_parquet}[kind]
    write(pd.DataFrame({"platform": ["a", "b"], "mean": [1.0, 2.0]}), file)
    content = file.read_bytes()
    if kind == "csv":
        content = content if not kept else b"\xff" + content
    file.write_bytes(content[: int(len(content) * kept) if kept == 0.5 else kept])
    with pytest.raises(RecordError, match=f"{file} cannot be read: ") as raised:
        getattr(table_io, f"read_{kind}")(file)
    assert raised.value.remedy == f"`rm '{file}'`, and run again: it is then made again"


def test_a_table_that_is_missing_is_no_damaged_one(tmp_path):
    for read in (table_io.read_csv, table_io.read_parquet):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")
