# SPDX-License-Identifier: Apache-2.0
"""SPECIFICATION.md names tests that exist."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in (REPOSITORY / "SPECIFICATION.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| promise")
]


@pytest.mark.parametrize(("promise", "named"), ROWS)
def test_the_test_of_a_promise_exists(promise, named):
    if named != "pending":
        file, name = named.strip("`").split("::")
        content = (REPOSITORY / "tests" / file).read_text()
        assert re.search(rf"^ *def {name}\(", content, re.MULTILINE), promise
