# SPDX-License-Identifier: Apache-2.0
"""The claims on throughput: 5, 6, 7, 8, 10 and 12."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featherbench.plauth2017.claims.claim import (
    ALIKE,
    ALIKE_EACH,
    MOST,
    MUCH,
    NOT_ABOVE,
    NOT_BELOW,
    NOT_DIFFERENT,
    Claim,
    JudgedStatement,
    above,
    below,
    inconclusive,
    judge_statement,
)
from featherbench.plauth2017.claims.pairwise import (
    CONTAINERS,
    CONTAINERS_IN_GUEST,
    GUEST,
    MIRAGEOS,
    NATIVE,
    ON_BOTH,
    OSV,
    OVER_ALL,
    RUMPRUN,
    UNIKERNELS,
    UNTRANSLATED,
)
from featherbench.statistics.conventions import SIGNIFICANT_P

if TYPE_CHECKING:
    from collections.abc import Iterator

    from featherbench.plauth2017.claims.pairwise import Contrasts

HTTP = "http_throughput"
LEAD_FROM = 600
OPERATIONS = {"GET": "kv_get_throughput", "SET": "kv_set_throughput"}
SERVERS = {"HTTP": HTTP} | {f"Redis {name}": metric for name, metric in OPERATIONS.items()}


def containers_cost(contrasts: Contrasts) -> Claim:
    """Judge claim 6."""
    levels, very = contrasts.levels(HTTP), contrasts.terms.very
    test = f"{contrasts.terms.every_level}: p < {very}"
    return Claim(
        number=6,
        text="HTTP: containers cost significantly against native execution, without "
        "a hypervisor and inside a guest (p < 0.0001); NAT is the suspected cause, untested.",
        statements=(
            judge_statement(
                "Docker and LXD are slower than native execution",
                test,
                contrasts.each(HTTP, CONTAINERS, [NATIVE], levels),
                below(very),
            ),
            judge_statement(
                "Docker and LXD in a KVM guest are slower than the guest",
                test,
                contrasts.each(HTTP, CONTAINERS_IN_GUEST, [GUEST], levels),
                below(very),
            ),
            _translation(contrasts),
        ),
    )


def _translation(contrasts: Contrasts) -> JudgedStatement:
    """Compare containers behind NAT with the same containers on a bridge, if both were measured."""
    statement = "Network address translation is the cause"
    evidence = [
        contrast
        for container in CONTAINERS
        for contrast in contrasts.each(
            HTTP, [container], [container + UNTRANSLATED], contrasts.levels(HTTP)
        )
    ]
    if not evidence:
        return inconclusive(statement, "No container was measured with and without translation")
    test = (
        f"{contrasts.terms.every_level}: slower with translation than without, p < {SIGNIFICANT_P}"
    )
    return judge_statement(statement, test, evidence, below(SIGNIFICANT_P))


def rumprun_against_containers(contrasts: Contrasts) -> Claim:
    """Judge claim 7."""
    few = [level for level in contrasts.levels(HTTP) if level < LEAD_FROM]
    many = [level for level in contrasts.levels(HTTP) if level >= LEAD_FROM]
    groups = (("containers in a KVM guest", CONTAINERS_IN_GUEST), ("native containers", CONTAINERS))
    terms = contrasts.terms
    on_par = f"{terms.interval} lies within {1 / ALIKE:.2f} to {ALIKE:.2f}"
    below_lead = f"below {LEAD_FROM} connections"
    statements = []
    for group, containers in groups:
        early = contrasts.each(HTTP, [RUMPRUN], containers, few)
        late = contrasts.each(HTTP, [RUMPRUN], containers, many)
        statements += [
            judge_statement(
                f"On a par with {group} {below_lead}",
                f"equivalence at every level: {on_par}",
                early,
                ALIKE_EACH,
            ),
            judge_statement(
                f"Not ahead of {group} {below_lead}",
                f"{terms.every_level}: {terms.not_ahead}",
                early,
                NOT_ABOVE,
            ),
            judge_statement(
                f"Ahead of {group} from {LEAD_FROM} connections on",
                f"{terms.every_level}: p < {terms.very}",
                late,
                above(terms.very),
            ),
        ]
    return Claim(
        number=7,
        text="HTTP: Rumprun is on a par with containers, and significantly ahead of them only from "
        "600 connections on (p < 0.0001).",
        statements=tuple(statements),
    )


def mirageos_out_of_competition(contrasts: Contrasts) -> Claim:
    """Judge claim 8."""
    others = [name for name in contrasts.platforms(HTTP) if name != MIRAGEOS]
    issues = contrasts.quality_issues(HTTP, MIRAGEOS)
    remark = "; ".join(f"{', '.join(map(str, levels))}: {why}" for why, levels in issues.items())
    return Claim(
        number=8,
        text="HTTP: MirageOS's server is out of competition.",
        statements=(
            judge_statement(
                "MirageOS is much slower than every other platform",
                f"{contrasts.terms.every_level}: p < {SIGNIFICANT_P}, and at most {1 / MUCH:g} of "
                "the other's throughput",
                contrasts.each(HTTP, [MIRAGEOS], others, contrasts.levels(HTTP)),
                below(SIGNIFICANT_P, MUCH),
                remark=f"Its means are suspect at {remark}." if remark else "",
            ),
        ),
    )


def hypervisors(contrasts: Contrasts) -> Claim:
    """Judge claim 5."""

    def statement(server: str, metric: str) -> JudgedStatement:
        return judge_statement(
            f"{server}: KVM and Xen do not differ, for the guests that ran on both",
            f"{contrasts.terms.every_level}: {contrasts.terms.not_different}",
            [
                contrast
                for on_kvm, on_xen in ON_BOTH
                for contrast in contrasts.each(metric, [on_kvm], [on_xen], contrasts.levels(metric))
            ],
            NOT_DIFFERENT,
        )

    return Claim(
        number=5,
        text="The hypervisor makes no significant difference to application throughput.",
        statements=tuple(statement(server, metric) for server, metric in SERVERS.items()),
    )


def redis(contrasts: Contrasts) -> Claim:
    """Judge claim 10."""
    return Claim(
        number=10,
        text="Redis: containers cost significantly, native and virtualized (p < 0.0001); Rumprun "
        "and OSv are slightly but significantly ahead of the Linux guest under many conditions.",
        statements=tuple(
            statement
            for name, metric in OPERATIONS.items()
            for statement in _redis(contrasts, name, metric)
        ),
    )


def _redis(contrasts: Contrasts, operation: str, metric: str) -> Iterator[JudgedStatement]:
    levels, terms = contrasts.levels(metric), contrasts.terms
    for place, containers, base in (
        ("natively", CONTAINERS, NATIVE),
        ("in a KVM guest", CONTAINERS_IN_GUEST, GUEST),
    ):
        yield judge_statement(
            f"{operation}: containers cost throughput {place}",
            f"{terms.every_level}: p < {terms.very}",
            contrasts.each(metric, containers, [base], levels),
            below(terms.very),
        )
    for name, unikernel in (("Rumprun", RUMPRUN), ("OSv", OSV)):
        yield judge_statement(
            f"{operation}: {name} is ahead of the Linux guest at most levels",
            f"{terms.every_level}: ahead at p < {SIGNIFICANT_P} at more than {MOST:.0%} of them",
            contrasts.each(metric, [unikernel], [GUEST], levels),
            above(SIGNIFICANT_P),
            least_share=MOST,
        )


def unikernels_keep_up(contrasts: Contrasts) -> Claim:
    """Judge claim 12."""

    def statement(place: str, containers: tuple[str, ...]) -> JudgedStatement:
        return judge_statement(
            f"Most are not slower than containers {place}",
            f"{contrasts.terms.over_all}: in more than {MOST:.0%} of the comparisons "
            f"{contrasts.terms.not_below}",
            [
                contrast
                for metric in SERVERS.values()
                for contrast in contrasts.each(metric, UNIKERNELS, containers, [OVER_ALL])
            ],
            NOT_BELOW,
            least_share=MOST,
        )

    return Claim(
        number=12,
        text="Most unikernels perform at least as well as containers in throughput.",
        statements=(
            statement("in a KVM guest", CONTAINERS_IN_GUEST),
            statement("without a hypervisor", CONTAINERS),
        ),
    )
