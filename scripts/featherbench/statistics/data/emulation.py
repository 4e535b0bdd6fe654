# SPDX-License-Identifier: Apache-2.0
"""Platforms that are emulated in software, apart from all others: no table pools the two.

Emulation stands in for a processor that this machine lacks, and its figures are no measure of
virtualization: tests over both would find a difference that nobody asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMULATED = "emulated"


def is_emulated(table: pd.DataFrame) -> pd.Series[bool]:
    """Tell for each row whether its platform is emulated; none is where the table does not tell."""
    if EMULATED in table.columns:
        return table[EMULATED].astype(bool)
    return pd.Series(data=False, index=table.index)


def groups(samples: pd.DataFrame) -> Iterator[tuple[bool, pd.DataFrame]]:
    """Give the rows that are not emulated, then those that are, and which they are.

    A group without rows is left out, unless there are none at all.
    """
    emulated = is_emulated(samples)
    for which in (False, True):
        if (emulated == which).any() or (samples.empty and not which):
            yield which, samples[emulated == which]


def tabulated(
    make: Callable[[pd.DataFrame], pd.DataFrame], samples: pd.DataFrame, *, baseline: str = ""
) -> pd.DataFrame:
    """Make a table of each group alone: one below the other, with the column EMULATED.

    The emulated group is lent the rows of `baseline`, where it is to be compared with that. An
    emulated baseline is lent to nobody.
    """
    lent = samples[samples["platform"] == baseline]
    parts = [
        make(pd.concat([lent[~is_emulated(lent)], rows]) if which else rows).assign(
            **{EMULATED: which}
        )
        for which, rows in groups(samples)
    ]
    return pd.concat(parts, ignore_index=True)
