# SPDX-License-Identifier: Apache-2.0
"""Emulated platforms are a stratum of their own: no table pools them with the others.

Emulation replaces a processor feature that this machine lacks. Its figures do not measure
virtualization, so a test over both strata would find a difference that is of no interest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMULATED = "emulated"


def is_emulated(table: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether its platform is emulated; without that column, none is."""
    if EMULATED in table.columns:
        return table[EMULATED].astype(bool)
    return pd.Series(data=False, index=table.index)


def strata(samples: pd.DataFrame) -> Iterator[tuple[bool, pd.DataFrame]]:
    """Yield the rows of platforms that are not emulated (False), then those of emulated ones.

    An empty stratum is left out, unless both are empty.
    """
    emulated = is_emulated(samples)
    for stratum in (False, True):
        if (emulated == stratum).any() or (samples.empty and not stratum):
            yield stratum, samples[emulated == stratum]


def per_stratum(
    make: Callable[[pd.DataFrame], pd.DataFrame], samples: pd.DataFrame, *, baseline: str = ""
) -> pd.DataFrame:
    """Make a table of each stratum alone, and concatenate them; the column EMULATED tells which.

    The rows of `baseline` are shared with the emulated stratum, so that it can be compared with
    them. An emulated baseline is not shared.
    """
    shared = samples[(samples["platform"] == baseline) & ~is_emulated(samples)]
    tables = [
        make(pd.concat([shared, rows]) if emulated else rows).assign(**{EMULATED: emulated})
        for emulated, rows in strata(samples)
    ]
    return pd.concat(tables, ignore_index=True)
