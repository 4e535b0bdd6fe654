# SPDX-License-Identifier: Apache-2.0
"""The order of measurement: seeded, blocked, random within a block, one deployment at a time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

import builders
from featherbench.planning.order import Group, priority, ranks


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


def test_the_order_differs_from_block_to_block():
    orders = {
        tuple(c[:2] for c in sequence(plan()) if c[2] == d and c[3] == 1) for d in range(1, 5)
    }
    assert len(orders) > 1


def test_levels_are_not_always_ascending():
    levels = [c[3] for c in sequence(plan())]
    runs = [tuple(levels[i : i + 3]) for i in range(0, len(levels), 3)]
    assert len(set(runs)) > 1
