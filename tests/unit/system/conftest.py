# SPDX-License-Identifier: Apache-2.0
from functools import partial

import pytest

from builders import write_tree


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder, and return it."""
    return partial(write_tree, tmp_path)
