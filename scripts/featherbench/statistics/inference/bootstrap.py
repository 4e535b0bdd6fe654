# SPDX-License-Identifier: Apache-2.0
"""The hierarchical bootstrap: blocks are drawn with replacement, then windows within each.

After Kalibera and Jones (2013), Rigorous Benchmarking in Reasonable Time, section 9. With
fewer than 30 deployments its interval is too narrow (docs/statistics.md has the figures): it is
shown beside the t interval, and no claim rests on it.
"""

import zlib
from collections.abc import Hashable

import numpy as np
import pandas as pd

from featherbench.statistics.conventions import CONFIDENCE
from featherbench.statistics.data.replicates import CELL, main_values

Deployments = dict[Hashable, np.ndarray]
"""By deployment, the logarithms of the means of the windows drawn from it, one a replicate."""

REPLICATES = 2000
MOST_DRAWN = 2_000_000
"""Windows that are drawn at a time, so that they take less than 40 MB of memory."""


def intervals(samples: pd.DataFrame, baseline: str, seed: int) -> pd.DataFrame:
    """Return the 95 % interval of the ratio to the baseline: CELL, `boot_low` and `boot_high`.

    The ratio is the geometric mean over blocks. With fewer than two blocks there is no row. Each
    interval depends only on the seed and on its own data.
    """
    values = main_values(samples)
    values = values[values["value"] > 0]
    rows = []
    for (metric, level), frame in values.groupby(["metric", "level"], sort=False):
        drawn = {
            platform: _drawn(windows, _generator(seed, metric, level, platform))
            for platform, windows in frame.groupby("platform", sort=False)
        }
        base = drawn.pop(baseline, {})
        for platform, deployments in drawn.items():
            if len(deployments.keys() & base.keys()) > 1:
                rng = _generator(seed, metric, level, platform, "blocks")
                rows.append((metric, level, platform, *_interval(deployments, base, rng)))
    return pd.DataFrame(rows, columns=[*CELL, "boot_low", "boot_high"])


def _generator(*key: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(" ".join(map(str, key)).encode()))


def _drawn(rows: pd.DataFrame, rng: np.random.Generator) -> Deployments:
    windows = rows.groupby("deployment", sort=False)["value"]
    return {number: np.log(_means(values.to_numpy(float), rng)) for number, values in windows}


def _means(windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the means of REPLICATES draws, each of as many windows as there are."""
    if len(windows) == 1:
        return np.full(REPLICATES, windows[0])
    at_once = max(1, MOST_DRAWN // len(windows))
    sizes = [min(at_once, REPLICATES - begin) for begin in range(0, REPLICATES, at_once)]
    indices = (rng.integers(0, len(windows), (size, len(windows)), np.int32) for size in sizes)
    return np.concatenate([windows[index].mean(axis=1) for index in indices])


def _interval(
    deployments: Deployments, base: Deployments, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw blocks. A block that is drawn twice must have other windows: hence the shifts."""
    blocks = [block for block in deployments if block in base]
    logs = np.array([deployments[block] - base[block] for block in blocks])
    chosen = rng.integers(0, len(blocks), (REPLICATES, len(blocks)))
    shifts = rng.choice(REPLICATES, len(blocks), replace=False)
    replicate = (np.arange(REPLICATES)[:, None] + shifts) % REPLICATES
    tail = (1 - CONFIDENCE) / 2
    low, high = np.exp(np.quantile(logs[chosen, replicate].mean(axis=1), [tail, 1 - tail]))
    return float(low), float(high)
