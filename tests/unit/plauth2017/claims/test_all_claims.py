# SPDX-License-Identifier: Apache-2.0
"""The twelve claims of `claims.yaml`, with their rules, by the paper's data."""

import math

import numpy as np
import pytest

from builders import captured
from featherbench.plauth2017.claims.all_claims import (
    evidence_table,
    judge_by_tukey,
    statements_table,
)
from featherbench.plauth2017.claims.by_tukey import ByTukey, Error, papers_tests
from featherbench.plauth2017.claims.claim import (
    ClaimVerdict,
    Statement,
    declared_claims,
    judge_statement,
)
from featherbench.plauth2017.claims.computed import transfer
from featherbench.plauth2017.claims.pairwise import OVER_ALL, UNTRANSLATED
from featherbench.plauth2017.claims.rules import alike, below, not_different
from featherbench.plauth2017.data.experiment import METRICS, PLATFORMS

HTTP = "http_throughput"
OUT, NOT, OPEN = ClaimVerdict.SUPPORTED, ClaimVerdict.NOT_SUPPORTED, ClaimVerdict.INCONCLUSIVE


@pytest.fixture(scope="module")
def posthoc(summary):
    return papers_tests(summary)


@pytest.fixture(scope="module")
def contrasts(summary, posthoc):
    return ByTukey(summary, posthoc, Error.ALL_LEVELS)


@pytest.fixture(params=list(Error))
def with_any_error(request, summary, posthoc):
    return ByTukey(summary, posthoc, request.param)


@pytest.fixture(scope="module")
def claims(summary, posthoc):
    return {claim.number: claim for claim in judge_by_tukey(summary, posthoc)}


def _part(claims, number, beginning):
    (part,) = [p for p in claims[number].statements if p.statement.startswith(beginning)]
    return part


def test_there_are_twelve_and_each_part_says_why(claims):
    assert list(claims) == list(range(1, 13))
    for claim in claims.values():
        for part in claim.statements:
            assert part.statement
            assert part.test
            assert part.finding


def test_they_compare_platforms_and_metrics_that_the_paper_has():
    statements = [each for claim in declared_claims().values() for each in claim]
    groups = [group for each in statements for pair in each.compare for group in pair]
    names = {name for group in groups if group != "others" for name in group}
    assert {name.removesuffix(UNTRANSLATED) for name in names} == set(PLATFORMS)
    assert {m for each in statements for m in each.metrics} == {metric.name for metric in METRICS}


@pytest.mark.parametrize(
    ("number", "beginning", "verdict"),
    [
        (number, *verdict)
        for number, verdicts in captured("claims_verdicts").items()
        for verdict in verdicts.items()
    ],
)
def test_the_published_data_decide(claims, number, beginning, verdict):
    part = _part(claims, number, beginning)
    assert part.verdict.value == verdict, part.finding


def test_at_600_rumprun_is_ahead_of_containers_in_a_guest_and_not_of_native_ones(contrasts):
    for other in ("docker-kvm", "lxd-kvm"):
        found = contrasts.contrast(HTTP, "rumprun-kvm", other, 600)
        assert found.difference > 0
        assert found.p < 0.0001
    for other in ("docker-native", "lxd-native"):
        assert contrasts.contrast(HTTP, "rumprun-kvm", other, 600).p > 0.5


def test_with_each_levels_own_error_the_lead_over_lxd_is_not_that_significant(summary, posthoc):
    claims = {c.number: c for c in judge_by_tukey(summary, posthoc, Error.LEVEL)}
    part = _part(claims, 7, "Ahead of containers in a KVM guest")
    assert part.verdict is NOT
    assert "lxd-kvm at 600" in part.finding


def test_by_their_own_deviations_rumprun_leads_lxd_at_600(summary, posthoc):
    """Where all platforms' deviations count, linux-native's of 9,655 hides it at p < 0.0001."""
    found = ByTukey(summary, posthoc, Error.PAIR).contrast(HTTP, "rumprun-kvm", "lxd-kvm", 600)
    assert found.p < 0.0001
    assert found.ratio == pytest.approx(29611 / 23518)
    # Fieller with the means' own variances: 3,283^2 / 30 and 1,601^2 / 30.
    excess = abs(29611 - found.ratio_low * 23518)
    error = math.sqrt((3283**2 + (found.ratio_low * 1601) ** 2) / 30)
    half = (found.high - found.low) / 2 / math.sqrt((3283**2 + 1601**2) / 30)
    assert excess / error == pytest.approx(half)


def test_the_stall_of_mirageos_is_named_where_its_claim_is(claims):
    (part,) = claims[8].statements
    assert "100, 200, 300: protocol stall" in part.remark


def test_verdicts_follow_the_data(summary):
    """With LXD as fast as Docker, and OSv ten times as large, the verdicts turn."""
    lxd = (summary["metric"] == "startup_time") & (summary["platform"] == "lxd-native")
    osv = (summary["metric"] == "image_size") & (summary["platform"] == "osv-kvm")
    factors = np.where(lxd, 0.04, np.where(osv, 2.5, 1.0))
    other = summary.assign(mean=summary["mean"] * factors)
    claims = {claim.number: claim for claim in judge_by_tukey(other, papers_tests(other))}
    assert _part(claims, 1, "LXD").verdict is OUT
    assert _part(claims, 2, "Docker").verdict is NOT
    assert _part(claims, 3, "OSv").verdict is OUT


def test_a_platform_that_is_missing_leaves_its_part_open(summary, posthoc):
    there = summary[summary["platform"] != "osv-kvm"]
    known = ~posthoc[["platform_a", "platform_b"]].isin(["osv-kvm"]).any(axis=1)
    contrasts = ByTukey(there, posthoc[known], Error.ALL_LEVELS)
    found = contrasts.each("image_size", ["osv-kvm"], ["docker-native"])
    small = Statement(statement="it is small")
    assert judge_statement(small, "none", found, below(0.05)).verdict is OPEN


def test_a_contrast_is_the_same_from_either_side(contrasts):
    one = contrasts.contrast(HTTP, "docker-kvm", "linux-kvm", 500)
    two = contrasts.contrast(HTTP, "linux-kvm", "docker-kvm", 500)
    assert one.difference == -two.difference
    assert (one.low, one.high) == (-two.high, -two.low)
    assert one.p == two.p
    assert one.ratio_low == pytest.approx(1 / two.ratio_high)
    assert one.ratio_high == pytest.approx(1 / two.ratio_low)


def test_the_ratios_interval_excludes_one_where_the_test_finds_a_difference(with_any_error):
    names = with_any_error.platforms(HTTP)
    for level in (OVER_ALL, 1, 500, 1000):
        for one in with_any_error.each(HTTP, names, names, [level]):
            if math.isfinite(one.ratio_low):
                assert (one.ratio_low > 1 or one.ratio_high < 1) == (one.p < 0.05), one


def test_over_all_levels_means_count_every_level_alike(contrasts, summary):
    found = contrasts.contrast(HTTP, "mirageos-xen", "linux-xen", OVER_ALL)
    cells = summary[(summary["metric"] == HTTP) & (summary["platform"] == "mirageos-xen")]
    assert found.mean_a == pytest.approx(cells["mean"].mean())
    assert found.difference == pytest.approx(found.mean_a - found.mean_b)
    assert found.level is None


def test_alike_wants_the_whole_interval_within_the_margin(contrasts):
    near = contrasts.contrast("round_trip_time", "docker-native", "osv-kvm")
    assert near.ratio == pytest.approx(0.975, abs=0.001)
    assert not_different(near)
    assert alike(near)
    wide = contrasts.contrast("round_trip_time", "rumprun-kvm", "lxd-native")
    assert not_different(wide)
    assert not alike(wide)


def test_where_image_and_start_balance(contrasts):
    """355.2 MiB against 10.875 MiB, 0.2342 s against 0.6699 s."""
    compared = transfer(contrasts, "osv-kvm", "docker-native")
    assert compared.equal_gbit_s == pytest.approx(
        (355.2 - 10.875) * 8 * 2**20 / 1e9 / 0.43564, rel=1e-4
    )
    assert compared.low < compared.equal_gbit_s < compared.high


def test_the_tables_have_every_part_and_all_its_evidence(claims):
    parts, evidence = statements_table(claims.values()), evidence_table(claims.values())
    assert len(parts) == sum(len(claim.statements) for claim in claims.values())
    assert len(evidence) == sum(len(p.evidence) for c in claims.values() for p in c.statements)
    decided = evidence.merge(parts, on=["claim", "part"]).query("verdict != 'inconclusive'")
    assert decided["holds"].notna().all()
