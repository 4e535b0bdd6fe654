# SPDX-License-Identifier: Apache-2.0
"""The plan: what is requested, why platforms have none of it, and the order of measurement."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import builders
from featherbench.errors import ConfigError
from featherbench.planning.plan import Group, make_plan, priority, ranks
from featherbench.records.requirement import MissingRequirement

MATRIX = [
    *("linux-native", "docker-native", "lxd-native", "linux-kvm", "docker-kvm", "lxd-kvm"),
    *("linux-tcg", "docker-tcg", "lxd-tcg"),
    *("linux-xen", "docker-xen", "lxd-xen", "linux-xentcg"),
]


@pytest.fixture
def planned(resolved):
    """The planned platforms of the matrix, by name."""
    return {platform.name: platform for platform in make_plan(resolved(MATRIX)).platforms}


def only_platform(config):
    plan = make_plan(config)
    return plan.platforms[0], {cell.workload for cell in plan.cells()}


def test_levels_deployments_and_windows_are_those_of_the_configuration(resolved):
    keys = {
        "workloads": {
            "http": {"concurrency": [1, 5]},
            "kv": {"repetitions": {"deployments": 2, "windows": 4}},
            "startup": None,
        },
        "repetitions": {"deployments": 7, "windows": 1},
    }
    plan = make_plan(resolved(["linux-native"], **keys))
    assert [(w.name, w.load_points, w.deployments, w.windows) for w in plan.workloads] == [
        ("http", ("c1", "c5"), 7, 1),
        ("kv", ("c1", "c100"), 2, 4),
        ("startup", ("c1",), 7, 1),
    ]
    assert all(workload.until is None for workload in plan.workloads)
    assert plan.fixed() == plan


@pytest.mark.parametrize(
    ("keys", "load_points"),
    [
        ({"rate_per_s": [5000, 100]}, ("r5000", "r100")),
        ({"rate_per_s": [100], "concurrency": [7]}, ("c7", "r100")),
        ({"rate_percent": [10, 90]}, ("c100", "r10pc", "r90pc")),
        ({"rate_percent": [10], "rate_connections": 7}, ("c7", "r10pc")),
    ],
)
def test_rates_are_load_points_beside_numbers_of_connections(resolved, keys, load_points):
    http = {"load_generator": "featherbench", **keys}
    (workload,) = make_plan(resolved(["linux-native"], workloads={"http": http})).workloads
    assert workload.load_points == load_points


def test_a_share_of_the_baselines_rate_needs_a_baseline_that_runs(resolved):
    http = {"load_generator": "featherbench", "rate_percent": [50]}
    config = resolved(["linux-native"], workloads={"http": http})
    lacking = {"linux-native": [MissingRequirement(what="no nsenter", remedy="install it")]}
    with pytest.raises(ConfigError, match="'rate_percent' of http needs the baseline"):
        make_plan(config, lacking)


def test_the_group_that_shows_the_baselines_rate_is_the_first_of_all():
    for seed in range(5):
        swept = builders.planned_workload("http", levels=("c100", "r50pc"), deployments=2)
        other = builders.planned_workload("kv", levels=("r100",), deployments=2)
        names = [f"p{number}-native" for number in range(5)]
        made = builders.plan(swept, other, platforms=names, baseline="p3-native", seed=seed)
        assert next(iter(ranks(made))) == ("p3-native", "http", 1)


def test_a_target_for_the_interval_becomes_a_stopping_rule(resolved):
    rule = {"target_ci_percent": 2, "min": 9, "max": 12, "budget_s": 60}
    plan = make_plan(resolved(["linux-native"], workloads={"http": {"repetitions": rule}}))
    (workload,) = plan.workloads
    assert workload.deployments == 12
    assert workload.until.model_dump() == {
        "precision": 0.02,
        "least": 9,
        "most": 12,
        "budget_s": 60,
    }


def test_percentages_become_fractions(resolved):
    analysis = {"equivalence_margin_percent": 4, "precision_percent": 1}
    plan = make_plan(resolved(["linux-native"], analysis=analysis))
    assert (plan.margin, plan.precision) == (0.04, 0.01)
    assert plan.config["analysis"] == analysis


def test_a_technology_that_a_hypervisor_cannot_run_is_a_row_that_says_so(resolved):
    plan = make_plan(resolved(["linux-native", "osv-native"]))
    (missing,) = plan.platforms[1].missing_requirements
    assert missing.what == "osv cannot run on native"
    assert {cell.platform for cell in plan.cells()} <= {"linux-native"}


@pytest.mark.parametrize(
    ("given", "expected", "missing"),
    [
        pytest.param(
            ("floor-tcg", {}), ("startup", {"startup", "image_size", "latency", "memory"}),
            {"http": "floor has no image of http"}, id="the probe alone stands in for a server",
        ),
        pytest.param(
            ("mirageos-tcg", {"http": {}}), ("http", {"http", "image_size", "latency", "memory"}),
            {"startup": "is not configured"}, id="a web server alone",
        ),
        pytest.param(
            ("unikraft-tcg", {"startup": {"answers_pings": False}}),
            ("startup", {"startup", "image_size"}), {}, id="a probe that exits is not pinged",
        ),
    ],
)  # fmt: skip
def test_workloads_are_measured_with_the_images_that_there_are(
    unikernel, kernel, given, expected, missing
):
    (name, images), (service, measured) = given, expected
    config = unikernel(name, **{key: kernel | keys for key, keys in images.items()})
    platform, workloads = only_platform(config)
    assert platform.available
    assert workloads == measured
    assert platform.services == {
        workload: (service,) if workload in measured else () for workload in config.workloads
    }
    assert set(platform.unsupported_workloads) == set(config.workloads) - measured
    for workload, what in missing.items():
        assert what in platform.unsupported_workloads[workload].what


def test_without_any_image_the_platform_is_a_row_that_says_why(unikernel):
    platform, measured = only_platform(unikernel("osv-tcg"))
    assert not platform.available
    assert measured == set()
    assert any(
        "the path of the image of osv's kv is not configured" in missing.what
        for missing in platform.missing_requirements
    )


def test_emulated_platforms_and_those_with_fixed_memory_are_marked(planned):
    assert {name for name, platform in planned.items() if platform.emulated} == {
        *("linux-tcg", "docker-tcg", "lxd-tcg", "linux-xentcg")
    }
    assert {name for name, platform in planned.items() if platform.fixed_memory} == {
        *("linux-kvm", "linux-tcg", "linux-xen", "linux-xentcg")
    }


def test_the_derived_root_file_systems_that_images_need_are_named(planned):
    derived = {name: platform.derived_root_filesystems for name, platform in planned.items()}
    assert derived["docker-native"] == ()
    assert derived["linux-kvm"][-1] == "guest"
    assert derived["lxd-native"] == derived["linux-tcg"][:1] != ()


def plan(*, seed=1, platforms=3, deployments=4):
    return builders.plan(
        *(
            builders.planned_workload(name, levels=(1, 10, 100), deployments=deployments)
            for name in ("http", "kv")
        ),
        platforms=[f"p{number}-native" for number in range(platforms)],
        seed=seed,
    )


def sequence(of):
    """The cells in the order in which Snakemake takes them: highest priority first."""
    ranked = ranks(of)

    def key(cell):
        platform, workload, deployment, level = cell
        group = Group(platform=platform, workload=workload, deployment=deployment)
        return -priority(ranked, group, level, seed=of.seed)

    return sorted(of.cells(), key=key)


@given(seed=st.integers(0, 2**32), platforms=st.integers(1, 6), deployments=st.integers(1, 5))
def test_deployment_numbers_are_blocks_and_groups_stay_together(seed, platforms, deployments):
    cells = sequence(plan(seed=seed, platforms=platforms, deployments=deployments))
    assert [d for _, _, d, _ in cells] == sorted(d for _, _, d, _ in cells)
    groups = [cell[:3] for cell in cells]
    changes = sum(a != b for a, b in pairwise(groups))
    assert changes == len(set(groups)) - 1


def test_the_same_seed_gives_the_same_order_and_another_one_another():
    assert sequence(plan(seed=1)) == sequence(plan(seed=1))
    assert sequence(plan(seed=1)) != sequence(plan(seed=2))


def test_the_order_differs_from_block_to_block_and_levels_are_not_always_ascending():
    cells = sequence(plan())
    orders = {tuple(c[:2] for c in cells if c[2] == d and c[3] == "c1") for d in range(1, 5)}
    assert len(orders) > 1
    levels = [c[3] for c in cells]
    runs = [tuple(levels[i : i + 3]) for i in range(0, len(levels), 3)]
    assert len(set(runs)) > 1
