# SPDX-License-Identifier: Apache-2.0
"""Which cells a platform has whose images the user brings, and what is said of the others."""

import pytest

from featherbench.config.loading import validate
from featherbench.errors import ConfigError
from featherbench.planning.matrix import Matrix

WORKLOADS = ("http", "kv", "startup", "image_size", "latency", "memory")
LACK = "featherbench.unikernels.technology.Unikernel.missing_requirements"


@pytest.fixture
def plan_of(monkeypatch):
    """Give the plan of one platform on a host that lacks nothing."""
    monkeypatch.setattr(LACK, lambda _: [])

    def make(name, **images):
        platform = {"name": name, "settings": {"images": images}}
        content = {
            "baseline": name,
            "platforms": [platform],
            "workloads": dict.fromkeys(WORKLOADS),
        }
        matrix = Matrix(validate(content, file="c.yaml"), file="c.yaml")
        return matrix, matrix.plan.platforms[0]

    return make


@pytest.fixture
def kernel(tmp_path):
    file = tmp_path / "k"
    file.write_bytes(b"k")
    return {"kernel": str(file)}


def measured(matrix):
    return {workload for _, workload, _, _ in matrix.plan.cells()}


def test_what_only_pings_is_measured_by_all_that_needs_no_server(plan_of):
    matrix, platform = plan_of("floor-tcg")
    assert platform.available
    assert measured(matrix) == {"startup", "image_size", "latency", "memory"}
    assert matrix.services_of("floor-tcg", "latency") == ("startup",)
    assert set(platform.unsupported_workloads) == {"http", "kv"}
    assert "floor has no image of http" in platform.unsupported_workloads["http"].what


def test_a_web_server_alone_is_measured_as_one(plan_of, kernel):
    matrix, platform = plan_of("mirageos-tcg", http=kernel)
    assert measured(matrix) == {"http", "image_size", "latency", "memory"}
    for workload in ("image_size", "latency", "memory"):
        assert matrix.services_of("mirageos-tcg", workload) == ("http",)
    assert "nobody has said where" in platform.unsupported_workloads["startup"].what


def test_a_probe_that_leaves_answers_no_pings(plan_of, kernel):
    matrix, platform = plan_of("unikraft-tcg", startup={**kernel, "answers_pings": False})
    assert measured(matrix) == {"startup", "image_size"}
    assert set(platform.unsupported_workloads) == {"http", "kv", "latency", "memory"}


def test_without_any_image_the_platform_is_a_row_that_says_why(plan_of):
    matrix, platform = plan_of("osv-tcg")
    assert not platform.available
    assert measured(matrix) == set()
    assert any(
        "nobody has said where the image of osv's kv is" in x.what
        for x in platform.missing_requirements
    )


def test_an_image_belongs_to_its_platform_and_not_to_a_family(plan_of, kernel):
    matrix, _ = plan_of("mirageos-tcg", http=kernel)
    assert matrix.images_of("mirageos-tcg", "http") == [("mirageos-tcg", "http")]
    spec = matrix.image_spec("mirageos-tcg", "http")
    assert spec.hypervisor == "tcg"
    assert spec.build_inputs["description"]["kernel"] == kernel["kernel"]
    assert matrix.root_filesystems("mirageos-tcg") == ()


def test_a_mistake_in_a_description_is_one_of_the_configurations(plan_of, kernel):
    with pytest.raises(ConfigError, match="memory_mib"):
        _ = plan_of("mirageos-tcg", http={**kernel, "memory_mib": "much"})[0].plan
