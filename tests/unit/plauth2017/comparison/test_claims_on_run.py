# SPDX-License-Identifier: Apache-2.0
"""The paper's claims judged by a run, with the comparisons of `claims/by_pairs.py`."""

import math

import numpy as np
import pandas as pd
import pytest

from featherbench.plauth2017.claims.by_pairs import ByPairs, over_levels
from featherbench.plauth2017.claims.claim import ClaimVerdict, Statement, judge_statement
from featherbench.plauth2017.claims.pairwise import OVER_ALL, Contrast
from featherbench.plauth2017.claims.rules import above, alike, below, not_below, not_different
from featherbench.plauth2017.comparison.claims_on_run import COLUMNS, own_claims
from featherbench.statistics.inference.ratios import ratios

OUT, NOT, OPEN = (verdict.value for verdict in ClaimVerdict)
HTTP = "http_throughput"


def held(plan, own, summary):
    table = own_claims(plan, own, ratios(own, plan.baseline, plan.margin, seed=1), summary)
    assert list(table.columns) == COLUMNS
    return table.fillna("").set_index("statement")


def of(run, *names, metric=HTTP, levels=(100, 600), most=30):
    at = (run["metric"] == metric) & run["level"].isin(levels) & (run["deployment"] <= most)
    return run[at & run["platform"].isin(names)]


@pytest.fixture(scope="module")
def whole(plan, run, summary):
    return held(plan, run, summary)


def test_the_papers_data_passed_off_as_a_run_never_turn_a_verdict(whole):
    assert whole["claim"].nunique() == 12
    turned = {OUT: NOT, NOT: OUT}
    differ = whole[whole["verdict"] == whole["papers_verdict"].map(turned)]
    assert differ.empty, differ["finding"]
    assert (whole["verdict"] == whole["papers_verdict"]).mean() > 0.8
    assert not whole["missing"].any()


def test_every_statement_has_its_test_and_finding(whole):
    assert whole["test"].ne("").all()
    assert whole["finding"].ne("").all()
    assert "Holm" in whole.loc["Docker and LXD are slower than native execution", "test"]
    assert "Tukey" not in " ".join(whole["test"])


def test_what_is_not_there_is_named_and_its_claims_stay_open(plan, run, summary):
    found = held(plan, of(run, "linux-native", "docker-native"), summary)
    costs = found.loc["Docker and LXD are slower than native execution"]
    assert (costs["verdict"], costs["missing"]) == (OUT, "lxd-native")
    assert costs["comparisons"] == 2
    guests = found.loc["Docker and LXD in a KVM guest are slower than the guest"]
    assert (guests["verdict"], guests["papers_verdict"]) == (OPEN, OUT)
    assert set(guests["missing"].split(", ")) == {"linux-kvm", "docker-kvm", "lxd-kvm"}
    decided = found[found["verdict"] != OPEN]
    assert list(decided.index) == ["Docker and LXD are slower than native execution"]


def test_too_few_deployments_leave_open_and_bear_nothing_out(plan, run, summary):
    """Of two deployments with noise nothing is significant, which is no finding."""
    noisy = of(run, "linux-native", "docker-native", "lxd-native", most=2)
    rng = np.random.default_rng(3)
    noisy = noisy.assign(value=noisy["value"] * rng.lognormal(0, 0.5, len(noisy)))
    found = held(plan, noisy, summary)
    assert found.loc["Docker and LXD are slower than native execution", "verdict"] == OPEN


def test_containers_as_fast_as_the_host_speak_against_their_cost(plan, run, summary):
    rng = np.random.default_rng(3)
    own = pd.concat(
        own.assign(platform=name, value=80_000 * rng.lognormal(0, 0.01, len(own)))
        for name, own in (
            (name, of(run, "linux-native")) for name in ("linux-native", "docker-native")
        )
    )
    found = held(plan, own, summary)
    assert found.loc["Docker and LXD are slower than native execution", "verdict"] == NOT


def test_emulated_platforms_are_never_held_against_a_claim(plan, run, summary):
    one = next(each for each in plan.platforms if each.name == "linux-kvm")
    stand_in = one.model_copy(update={"name": "linux-tcg", "hypervisor": "tcg", "emulated": True})
    others = [each for each in plan.platforms if each.name != "linux-kvm"]
    told = plan.model_copy(update={"platforms": (*others, stand_in)})
    starts = of(run, "docker-native", "linux-kvm", metric="startup_time", levels=[1])
    own = starts.assign(
        platform=starts["platform"].replace("linux-kvm", "linux-tcg"),
        emulated=starts["platform"] == "linux-kvm",
    )
    found = held(told, own, summary)
    assert set(found["verdict"]) == {OPEN}
    docker = found.loc["Docker starts much faster than a Linux guest, on KVM and on Xen"]
    assert docker["missing"] == "linux-kvm, linux-xen"


def test_translation_is_the_cause_where_a_bridge_is_faster(plan, run, summary):
    nat = next(each for each in plan.platforms if each.name == "docker-native")
    bridged = nat.model_copy(update={"name": "docker-native+bridge", "network": "bridge"})
    told = plan.model_copy(update={"platforms": (*plan.platforms, bridged)})
    docker = of(run, "docker-native")
    faster = docker.assign(platform="docker-native+bridge", value=docker["value"] * 1.5)
    found = held(told, pd.concat([docker, faster]), summary)
    cause = found.loc["Network address translation is the cause"]
    assert (cause["verdict"], cause["papers_verdict"]) == (OUT, OPEN)
    assert cause["finding"].startswith("In 2 of 2 comparisons; ratio 0.67")


def test_what_is_set_up_otherwise_is_held_against_nothing(plan, run, summary):
    config = plan.config | {
        "platforms": [{"name": "docker-native", "settings": {"runtime": "runsc"}}]
    }
    told = plan.model_copy(update={"config": config})
    found = held(told, of(run, "linux-native", "docker-native"), summary)
    assert set(found["verdict"]) == {OPEN}
    untuned = plan.model_copy(update={"config": {"tuning": {"net_sysctls": {}}}})
    found = held(untuned, of(run, "linux-native", "docker-native"), summary)
    assert set(found["verdict"]) == {OPEN}


def test_suspect_windows_behind_a_statement_are_counted(plan, run, summary):
    own = of(run, "linux-native", "docker-native")
    doubtful = own.assign(verdict=own["verdict"].mask(own["deployment"] == 1, "suspect"))
    found = held(plan, doubtful, summary)
    said = found.loc["Docker and LXD are slower than native execution", "finding"]
    assert said.endswith("; includes 4 suspect windows")


def test_the_larger_choice_of_images_is_compared(plan, run, summary):
    sizes = run[run["metric"].isin(["image_size_http", "image_size_kv"])]
    only_kv = sizes["platform"].isin(["docker-native", "linux-kvm"])
    own = sizes[only_kv & ~((sizes["platform"] == "linux-kvm") & (sizes["metric"] == HTTP))]
    own = own[(own["metric"] == "image_size_kv") | (own["platform"] == "docker-native")]
    found = held(plan, own, summary)
    assert found.loc["Containers are about ten times smaller than the VM", "verdict"] == OUT


def test_a_run_of_nothing_decides_nothing(plan, run, summary):
    found = held(plan, run[:0], summary)
    assert set(found["verdict"]) == {OPEN}


def test_over_all_levels_a_deployment_is_its_geometric_mean(run):
    own = of(run, "linux-native", "docker-native", most=2)
    partly = own[(own["platform"] != "docker-native") | (own["deployment"] == 1) |
                 (own["level"] == 100)]  # fmt: skip
    found = over_levels(partly).set_index(["platform", "deployment"])["value"]
    assert ("docker-native", 2) not in found.index
    values = own[(own["platform"] == "docker-native") & (own["deployment"] == 1)]["value"]
    assert found["docker-native", 1] == pytest.approx(math.sqrt(values.prod()))
    assert over_levels(of(run, "linux-native", levels=[100])).empty


def test_a_contrast_is_the_same_from_either_side(run):
    own = of(run, "linux-native", "docker-native")
    contrasts = ByPairs(own, ratios(own, "linux-native", 0.05, seed=1), 0.05)
    for level in (100, OVER_ALL):
        one = contrasts.contrast(HTTP, "docker-native", "linux-native", level)
        two = contrasts.contrast(HTTP, "linux-native", "docker-native", level)
        assert one.ratio == pytest.approx(1 / two.ratio)
        assert (one.ratio_low, one.p) == (pytest.approx(1 / two.ratio_high), two.p)
        assert (one.low, one.high) == (pytest.approx(-two.high), pytest.approx(-two.low))
    assert contrasts.contrast(HTTP, "docker-native", "osv-kvm", 100) is None


def contrast(ratio, low, high, *, p=0.5, same=0.5):
    return Contrast(
        metric="m", unit="s", a="a", b="b", level=None, mean_a=ratio, mean_b=1.0,
        difference=ratio - 1, low=low - 1, high=high - 1, p=p, ratio=ratio, ratio_low=low,
        ratio_high=high, margin=0.05, p_equivalence=same,
    )  # fmt: skip


CLEAR = contrast(0.5, 0.4, 0.6, p=0.001)
WIDE = contrast(0.8, 0.4, 1.6)
EQUAL = contrast(1.0, 0.98, 1.02, same=0.001)
ABOVE = contrast(1.4, 1.3, 1.5, p=0.001)
LONE = contrast(0.5, math.nan, math.nan, p=math.nan, same=math.nan)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (below(0.05), (True, None, False, False, None)),
        (below(0.05, 2), (True, None, False, False, None)),
        (above(0.05), (False, None, False, True, None)),
        (not_below, (False, None, True, True, None)),
        (not_different, (False, None, True, False, None)),
        (alike, (False, None, True, False, None)),
    ],
)
def test_a_run_that_is_too_small_to_tell_speaks_neither_for_nor_against(rule, says):
    assert tuple(rule(one) for one in (CLEAR, WIDE, EQUAL, ABOVE, LONE)) == says


@pytest.mark.parametrize(
    ("evidence", "most", "verdict"),
    [
        ((CLEAR, CLEAR), False, OUT),
        ((CLEAR, WIDE), False, OPEN),
        ((WIDE, EQUAL), False, NOT),
        ((CLEAR, CLEAR, WIDE), True, OUT),
        ((CLEAR, WIDE, EQUAL), True, OPEN),
        ((CLEAR, EQUAL, EQUAL), True, NOT),
        ((), False, OPEN),
    ],
)
def test_a_statement_is_open_where_what_is_not_told_could_turn_it(evidence, most, verdict):
    part = judge_statement(
        Statement(statement="it is below", most=most), "a test", evidence, below(0.05)
    )
    assert part.verdict.value == verdict


def test_what_is_not_told_is_named():
    part = judge_statement(Statement(statement="it is below"), "a test", (CLEAR, WIDE), below(0.05))
    assert part.finding.startswith("In 1 of 2 comparisons")
    assert "; inconclusive: a to b: ratio 0.80" in part.finding
