# SPDX-License-Identifier: Apache-2.0
"""Deployments whose variances differ."""

import pytest

THREE = {"linux-native": 1.0, "docker-native": 0.97, "lxd-native": 1.01}


@pytest.fixture
def unequal(nested):
    """Three platforms whose deployments vary by 1, 5 and 10 %; one deployment is missing."""
    samples = nested(platforms=THREE, deployments=6, between=(0.01, 0.05, 0.1), levels=(1, 100))
    return samples[(samples["platform"] != "lxd-native") | (samples["deployment"] != 2)]


@pytest.fixture
def deployments():
    """Return a function that gives the deployments' means at a level, by platform."""

    def means(samples, level):
        here = samples[samples["level"] == level]
        means = here.groupby(["platform", "deployment"], sort=False)["value"].mean()
        return {name: own.to_numpy() for name, own in means.groupby("platform", sort=False)}

    return means
