# SPDX-License-Identifier: Apache-2.0
"""Which platforms are tried, and whose outcomes are still known."""

import pytest

from featherbench.config.loading import validate
from featherbench.jobs import try_out
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve
from featherbench.records.requirement import MissingRequirement

LACKING = (MissingRequirement(what="noexec", remedy="another disk"),)
LINUX = "linux-native"


def resolved(**changes):
    content = {"platforms": [LINUX, "osv-kvm"], "workloads": {"http": {}}, **changes}
    return resolve(validate(content, file="c.yaml"), file="c.yaml")


@pytest.fixture(autouse=True)
def outcomes(tmp_path, monkeypatch):
    """Stand in for the try-outs; give the names of those that were made, and what each lacks."""
    made, lacking = [], {}

    def attempt(_resolved, names):
        made.extend(names)
        return {name: lacking.get(name, ()) for name in names}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(try_out, "_try", attempt)
    return made, lacking


@pytest.fixture(autouse=True)
def _no_requirements(monkeypatch):
    linux = "featherbench.technologies.linux.Technology.missing_requirements"
    monkeypatch.setattr(linux, lambda _: ())


def test_what_worked_is_not_tried_again_and_what_did_not_is(outcomes):
    made, lacking = outcomes
    lacking[LINUX] = LACKING
    assert try_out.missing(resolved(), may_try=True) == {LINUX: LACKING}
    lacking.clear()
    assert try_out.missing(resolved(), may_try=False) == {LINUX: LACKING}
    assert try_out.missing(resolved(), may_try=True) == {LINUX: ()}
    assert try_out.missing(resolved(), may_try=True) == {LINUX: ()}
    assert made == [LINUX, LINUX]


def test_another_setting_or_a_damaged_record_is_tried_again(outcomes):
    made, _ = outcomes
    try_out.missing(resolved(), may_try=True)
    try_out.missing(resolved(tuning={"nofile": 4096}), may_try=True)
    try_out.FILE.write_text("{")
    try_out.missing(resolved(tuning={"nofile": 4096}), may_try=True)
    assert made == [LINUX] * 3


def test_nothing_is_written_where_nothing_may_be_tried(tmp_path):
    assert try_out.missing(resolved(), may_try=False) == {}
    assert list(tmp_path.iterdir()) == []


def test_its_reason_stands_in_the_plan(outcomes):
    outcomes[1][LINUX] = LACKING
    plan = make_plan(resolved(), try_out.missing(resolved(), may_try=True))
    assert plan.platforms[0].missing_requirements == LACKING
    assert try_out.latest() == {LINUX: LACKING}
