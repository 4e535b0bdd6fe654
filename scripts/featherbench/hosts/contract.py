# SPDX-License-Identifier: Apache-2.0
"""What a host must be able to do: give a technology a place to run.

One file a host; its class is always called `Host`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.platforms.contract import Lack, Place


class Host(Protocol):
    """The contract."""

    virtualized: ClassVar[bool]
    """Whether its platforms belong into the figures of virtualized ones."""

    def lacks(self) -> Sequence[Lack]:
        """Say what this machine lacks to be such a host."""
        ...

    def open(self, local: Place) -> Place:
        """Give the place where the technology runs; `local` is this machine's own."""
        ...
