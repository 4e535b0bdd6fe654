# SPDX-License-Identifier: Apache-2.0
"""The machine itself, with nothing between."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.platforms.contract import Lack, Place


class Host:
    """The bare machine: nothing lies between the technology and its kernel."""

    virtualized = False

    def lacks(self) -> Sequence[Lack]:
        """Lack nothing: we are running on it."""
        return ()

    def open(self, local: Place) -> Place:
        """Give this machine's own place."""
        return local
