# SPDX-License-Identifier: Apache-2.0
"""What a container engine refuses, as an error of ours with a remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from featherbench.errors import FeatherbenchError


class Explanation(NamedTuple):
    """What a phrase in the engine's answer means: what to do, and which error it is, if special."""

    pattern: str
    remedy: str
    error: type[FeatherbenchError] | None = None


def explained(
    doing: str,
    said: str,
    error: type[FeatherbenchError],
    *,
    engine: str,
    known: Iterable[Explanation],
) -> FeatherbenchError:
    """Put a refusal of `engine` into an error of ours, of the kind `error` unless it is special."""
    for each in known:
        if re.search(each.pattern, said, re.IGNORECASE):
            return (each.error or error)(f"{doing}: {said}", remedy=each.remedy)
    return error(f"{doing}: {engine} refused: {said}")
