# SPDX-License-Identifier: Apache-2.0
"""Residuals: values without the effects of platform, level and deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from featherbench.statistics.data.blocks import CELL, main_values

if TYPE_CHECKING:
    import pandas as pd

SERIES = [*CELL, "deployment"]


def window_residuals(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the valid windows of the main metrics, in order, with two more columns.

    `relative` is the value over its deployment's mean at that level, minus 1; `windows` is the
    number of windows of that deployment at that level.
    """
    values = main_values(samples)
    values = values[values["value"] > 0].sort_values([*SERIES, "window"], kind="stable")
    groups = values.groupby(SERIES, sort=False)["value"]
    relative = values["value"] / groups.transform("mean") - 1
    return values.assign(relative=relative, windows=groups.transform("size"))


def deployment_residuals(samples: pd.DataFrame) -> pd.DataFrame:
    """Return metric, platform, deployment, relative, moment_s and position, in order of time.

    `relative` is the distance of a deployment from its platform's mean at a level, on a log scale,
    averaged over levels: one independent value per deployment. `position` is its rank in its block.
    """
    values = main_values(samples)
    values = values[values["value"] > 0]
    means = values.groupby(SERIES, sort=False).agg(
        value=("value", "mean"), moment_s=("started_monotonic_s", "min")
    )
    logs = np.log(means["value"])
    means["relative"] = logs - logs.groupby(CELL).transform("mean")
    groups = means.groupby(["metric", "platform", "deployment"], sort=False)
    residuals = groups.agg(
        relative=("relative", "mean"), moment_s=("moment_s", "min")
    ).reset_index()
    residuals["position"] = residuals.groupby(["metric", "deployment"])["moment_s"].rank()
    return residuals.sort_values("moment_s", kind="stable")


def tables(residuals: pd.DataFrame) -> list[np.ndarray]:
    """Return arrays with a row for each deployment at a level, by number of windows."""
    lengths = residuals.groupby("windows", sort=True)["relative"]
    return [1 + values.to_numpy().reshape(-1, int(str(length))) for length, values in lengths]
