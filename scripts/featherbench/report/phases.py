# SPDX-License-Identifier: Apache-2.0
"""What a start consists of, as the platforms tell their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from featherbench.report.tables import Kind, number_of, percentage_of, table, text_of
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.report.tables import Shown, Table

WHOLE, PHASE = "startup_time", "startup_phase_"
REST = "the rest, until the first packet"
PHASES: Shown = {
    "platform": (Kind.NAME, text_of("platform")),
    "phase": (Kind.NAME, text_of("phase")),
    "mean": (Kind.NUMBER, number_of("mean")),
    "SD": (Kind.NUMBER, number_of("sd")),
    "share of the start": (Kind.NUMBER, percentage_of("share")),
}


def phases(summary: pd.DataFrame) -> Sequence[Table]:
    """Give the one table of the phases of every platform's start, if any tells them."""
    if summary.empty:
        return ()
    valid = summary[summary["n"] > 0]
    whole = {row["platform"]: row for row in rows(valid[valid["metric"] == WHOLE])}
    told = valid[valid["metric"].str.startswith(PHASE) & valid["platform"].isin(list(whole))]
    found = [
        row
        for platform, own in told.groupby("platform", sort=False)
        for row in _of_platform(whole[platform], rows(own))
    ]
    if not found:
        return ()
    caption = f"Parts of the startup time, in {found[0]['unit']}"
    return (table(pd.DataFrame(found), PHASES, caption),)


def _of_platform(whole: dict[str, Any], own: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give the phases and, where every start told all of them, what they leave."""
    for row in own:
        phase = str(row["metric"]).removeprefix(PHASE).replace("_", " ")
        yield row | {"phase": phase, "share": row["mean"] / whole["mean"]}
    rest_s = whole["mean"] - sum(row["mean"] for row in own)
    if rest_s > 0 and {row["n"] for row in own} == {whole["n"]}:
        share = rest_s / whole["mean"]
        yield {"platform": whole["platform"], "phase": REST, "mean": rest_s, "share": share}
