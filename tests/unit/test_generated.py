# SPDX-License-Identifier: Apache-2.0
"""What is made from the code is in step with it."""

import pytest

import generated


@pytest.mark.parametrize("path", generated.FILES)
def test_it_is_as_the_code_makes_it_now(path):
    assert not generated.is_stale(path), f"{path} is stale: run `make docs`"


def test_the_way_of_one_number_has_at_most_twelve_files_and_all_exist():
    assert len(generated.WAY) <= 12
    assert [path for path in generated.WAY if not (generated.ROOT / path).is_file()] == []
