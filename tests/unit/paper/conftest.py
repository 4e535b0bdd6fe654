# SPDX-License-Identifier: Apache-2.0
"""The published data, and single values that have exactly the published means and deviations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from featherbench.codehash import RESOURCES
from featherbench.paper.published import read_samples, read_summary

PUBLISHED = RESOURCES / "paper"


@pytest.fixture(scope="session")
def samples():
    return read_samples(PUBLISHED)


@pytest.fixture(scope="session")
def summary():
    return read_summary(PUBLISHED)


@pytest.fixture(scope="session")
def raw(summary):
    """Make up single values of every swept metric: exactly n, mean and SD as published."""
    rng = np.random.default_rng(4)
    swept = summary[summary["workload"].isin(["http", "kv"])]
    parts = [
        pd.DataFrame(
            {
                "metric": row.metric,
                "platform": row.platform,
                "concurrency": row.concurrency,
                "value": row.mean + row.sd * _standardized(rng.normal(size=row.n)),
            }
        )
        for row in swept.itertuples()
    ]
    return pd.concat(parts, ignore_index=True)


def _standardized(values):
    return (values - values.mean()) / values.std(ddof=1)
