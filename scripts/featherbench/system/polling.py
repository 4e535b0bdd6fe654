# SPDX-License-Identifier: Apache-2.0
"""Waiting: polling of a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

from featherbench.errors import DeadlineError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    *,
    what: str,
    within_s: float,
    every_s: float = 0.01,
    remedy: str = "",
) -> T:
    """Poll `condition` until it returns something truthy, and return that.

    Raises DeadlineError, which names `what`, after `within_s` seconds.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        if result := condition():
            return result
        if time.monotonic() >= deadline_s:
            raise DeadlineError(f"{what}: not within {within_s:g} s", remedy=remedy)
        time.sleep(every_s)
