# SPDX-License-Identifier: Apache-2.0
"""The published data, and single values that have exactly the published means and deviations."""

import numpy as np
import pandas as pd
import pytest

from featherbench.paths import RESOURCES
from featherbench.plauth2017.data import experiment
from featherbench.plauth2017.data.published import read_samples, read_summary
from featherbench.records.tuning import Tuning
from studies import papers_data_once

__all__ = ["papers_data_once"]

PUBLISHED = RESOURCES / "plauth2017"
FIXED = {"linux-kvm", "rumprun-kvm", "osv-kvm", "linux-xen", "rumprun-xen", "mirageos-xen"}
NETWORKS = {"docker": "nat", "lxd": "nat"}


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
                "level": row.level,
                "value": row.mean + row.sd * _standardized(rng.normal(size=row.n)),
            }
        )
        for row in swept.itertuples()
    ]
    return pd.concat(parts, ignore_index=True)


def _standardized(values):
    return (values - values.mean()) / values.std(ddof=1)


@pytest.fixture(scope="session")
def plan():
    """The paper's plan, as one of ours would be."""
    found = experiment.plan()
    platforms = tuple(
        one.model_copy(
            update={
                "network": NETWORKS.get(one.technology, "host"),
                "fixed_memory": one.name in FIXED,
            }
        )
        for one in found.platforms
    )
    config = {"tuning": Tuning().model_dump(mode="json")}
    return found.model_copy(update={"config": config, "platforms": platforms})


@pytest.fixture(scope="session")
def run(raw, samples, summary):
    """The paper's data as samples of ours: one window a deployment."""
    names = ["platform", "metric", "technology", "hypervisor", "network", "workload"]
    kept = [*names, "unit", "primary"]
    identity = summary[kept].drop_duplicates()
    made = raw.merge(identity, on=["platform", "metric"])
    places = made.groupby(["metric", "level", "platform"])
    made = made.assign(deployment=places.cumcount() + 1, window=1, verdict="ok", reasons="")
    whole = pd.concat([made, samples], ignore_index=True)
    is_fixed = whole["metric"].str.startswith("memory") & whole["platform"].isin(FIXED)
    least = whole["metric"].str.replace("_load", "_minimum")
    both_images = whole[whole["metric"] == "image_size"].assign(metric="image_size_kv")
    own = whole.assign(
        metric=whole["metric"].mask(is_fixed, least).replace("image_size", "image_size_http")
    )
    return pd.concat([own, both_images], ignore_index=True)
