# SPDX-License-Identifier: Apache-2.0
"""A Xen for the tests: that of no machine, but one that QEMU emulates."""

import pytest

from featherbench.errors import ImageError
from xen import machine


@pytest.fixture(scope="session")
def dom0():
    """Boot a dom0, for all tests that ask for it."""
    try:
        with machine.running() as booted:
            yield booted
    except ImageError as failure:
        if "Unable to locate package" in failure.message:
            pytest.skip(f"apt offers no Xen: {failure.message}")
        raise
