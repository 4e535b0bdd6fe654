# SPDX-License-Identifier: Apache-2.0

import pytest

import builders
from featherbench.testbed import session


@pytest.mark.parametrize("content", [None, "", "abc\n", "\0\0", "7\n8"])
def test_a_damaged_count_of_jobs_goes_on_from_the_cells(tmp_path, capsys, content):
    file = tmp_path / ".sequence"
    for number in (3, 11):
        cell = builders.cell("a-native", "http", number, 1, (), sequence=number)
        cell.write(tmp_path / f"cells/p/w/d{number}/c1.json")
    (tmp_path / "cells/broken.json").write_text("{")
    if content is not None:
        file.write_text(content)
    assert [session._next_sequence(file) for _ in range(2)] == [12, 13]
    assert capsys.readouterr().err.count("damaged: jobs are counted on from 11") == (
        content is not None
    )
