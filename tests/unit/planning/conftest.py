# SPDX-License-Identifier: Apache-2.0
"""Small configurations, resolved."""

import pytest

from featherbench.config.loading import validate
from featherbench.planning.job_specs import JobSpecs
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve

WORKLOADS = ("http", "kv", "startup", "image_size", "latency", "memory")
UNIKERNELS_MISS = "featherbench.unikernels.technology.Unikernel.missing_requirements"


@pytest.fixture
def resolved():
    """Return a function that resolves platforms with all workloads, or other keys."""

    def make(platforms, **keys):
        content = {"platforms": platforms, "workloads": dict.fromkeys(WORKLOADS), **keys}
        return resolve(validate(content, file="c.yaml"), file="c.yaml")

    return make


@pytest.fixture
def specs_of(resolved):
    """Return a function that makes the job specs of platforms."""

    def make(platforms, **keys):
        config = resolved(platforms, **keys)
        return JobSpecs(config, make_plan(config))

    return make


@pytest.fixture
def kernel(tmp_path):
    """A description of a user's image with the least that it needs."""
    file = tmp_path / "k"
    file.write_bytes(b"k")
    return {"kernel": str(file)}


@pytest.fixture
def unikernel(resolved, monkeypatch):
    """Return a function that resolves one platform of a user's images, for which nothing lacks."""
    monkeypatch.setattr(UNIKERNELS_MISS, lambda _: [])

    def make(name, **images):
        return resolved([{"name": name, "settings": {"images": images}}], baseline=name)

    return make
