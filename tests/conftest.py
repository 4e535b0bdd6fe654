# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where the repository is, and when a test that needs a daemon is skipped."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository():
    """The checkout under test."""
    return REPOSITORY
