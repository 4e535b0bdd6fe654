# SPDX-License-Identifier: Apache-2.0
"""The claims on throughput of Redis, and of both servers: 5, 10 and 12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    MOST,
    NOT_BELOW,
    NOT_DIFFERENT,
    Claim,
    Part,
    above,
    below,
    judge,
)
from featherbench.plauth2017.claims.http import HTTP
from featherbench.plauth2017.claims.pairwise import OVER_ALL, SIGNIFICANT
from featherbench.plauth2017.claims.platform_groups import (
    CONTAINERS,
    CONTAINERS_IN_GUEST,
    GUEST,
    NATIVE,
    ON_BOTH,
    OSV,
    RUMPRUN,
    UNIKERNELS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.plauth2017.claims.pairwise import Contrasts

OPERATIONS = {"GET": "kv_get_throughput", "SET": "kv_set_throughput"}
SERVERS = {"HTTP": HTTP} | {f"Redis {name}": metric for name, metric in OPERATIONS.items()}


def hypervisors(contrasts: Contrasts) -> Claim:
    """Claim 5."""

    def part(server: str, metric: str) -> Part:
        levels = contrasts.levels(metric)
        found = [
            one
            for on_kvm, on_xen in ON_BOTH
            for one in contrasts.each(metric, [on_kvm], [on_xen], levels)
        ]
        statement = f"{server}: KVM and Xen do not differ, for the guests that ran on both"
        test = f"{contrasts.terms.every_level}: {contrasts.terms.not_different}"
        return judge(statement, test, found, NOT_DIFFERENT)

    return Claim(
        number=5,
        text="The hypervisor makes no significant difference to application throughput.",
        parts=tuple(part(server, metric) for server, metric in SERVERS.items()),
    )


def redis(contrasts: Contrasts) -> Claim:
    """Claim 10."""
    return Claim(
        number=10,
        text="Redis: containers cost significantly, native and virtualized (p < 0.0001); Rumprun "
        "and OSv are slightly but significantly ahead of the Linux guest under many conditions.",
        parts=tuple(
            part for name, metric in OPERATIONS.items() for part in _redis(contrasts, name, metric)
        ),
    )


def _redis(contrasts: Contrasts, operation: str, metric: str) -> Iterator[Part]:
    levels, terms = contrasts.levels(metric), contrasts.terms
    for where, containers, base in (
        ("natively", CONTAINERS, NATIVE),
        ("in a KVM guest", CONTAINERS_IN_GUEST, GUEST),
    ):
        found = contrasts.each(metric, containers, [base], levels)
        test = f"{terms.every_level}: p < {terms.very}"
        yield judge(f"{operation}: containers cost {where}", test, found, below(terms.very))
    for name, unikernel in (("Rumprun", RUMPRUN), ("OSv", OSV)):
        yield judge(
            f"{operation}: {name} is ahead of the Linux guest at most levels",
            f"{terms.every_level}: ahead at p < {SIGNIFICANT} at more than {MOST:.0%} of them",
            contrasts.each(metric, [unikernel], [GUEST], levels),
            above(SIGNIFICANT),
            least_share=MOST,
        )


def unikernels_keep_up(contrasts: Contrasts) -> Claim:
    """Claim 12."""

    def part(where: str, containers: tuple[str, ...]) -> Part:
        found = [
            one
            for metric in SERVERS.values()
            for one in contrasts.each(metric, UNIKERNELS, containers, [OVER_ALL])
        ]
        return judge(
            f"Most are not slower than containers {where}",
            f"{contrasts.terms.over_all}: in more than {MOST:.0%} of the comparisons "
            f"{contrasts.terms.not_below}",
            found,
            NOT_BELOW,
            least_share=MOST,
        )

    return Claim(
        number=12,
        text="Most unikernels perform at least as well as containers in throughput.",
        parts=(part("in a KVM guest", CONTAINERS_IN_GUEST), part("on the bare host", CONTAINERS)),
    )
