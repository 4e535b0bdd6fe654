# SPDX-License-Identifier: Apache-2.0
"""Known phrases in the output of other programs: what they mean, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from featherbench.errors import FeatherbenchError


class ErrorHint(NamedTuple):
    """What a phrase means. Upper and lower case are the same.

    `meaning` is empty where the phrase says enough; `error` is the class of error that it stands
    for, where that is a special one.
    """

    pattern: str
    remedy: str
    meaning: str = ""
    error: type[FeatherbenchError] | None = None


def find(hints: Iterable[ErrorHint], output: str) -> ErrorHint | None:
    """Return the first of the hints whose phrase is in a program's output."""
    return next((hint for hint in hints if re.search(hint.pattern, output, re.IGNORECASE)), None)


def refusal(
    doing: str,
    message: str,
    error: type[FeatherbenchError],
    *,
    program: str,
    hints: Iterable[ErrorHint],
) -> FeatherbenchError:
    """Return the error for what a program refused: of the class `error`, unless a hint has one."""
    if hint := find(hints, message):
        return (hint.error or error)(f"{doing}: {message}", remedy=hint.remedy)
    return error(f"{doing}: {program} refused: {message}")
