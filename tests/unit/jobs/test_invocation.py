# SPDX-License-Identifier: Apache-2.0
"""A call of Snakemake: its options, and how its errors are shown."""

import pytest

import builders
from featherbench.errors import TestbedError
from featherbench.jobs import invocation
from featherbench.records.requirement import MissingRequirement


def test_ctrl_c_has_no_traceback_and_a_fault_has(capsys):
    invocation.show_exception(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "featherbench: interrupted\n"
    invocation.show_exception(KeyError, KeyError("x"), None)
    assert "KeyError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", ".snakemake"), "--directory FOLDER"),
        (OSError(30, "Read-only file system", ".snakemake"), "--directory FOLDER"),
        (OSError(28, "No space left on device", "results"), "make room"),
        (TestbedError("it is broken", remedy="mend it"), "remedy: mend it"),
    ],
)
def test_what_a_user_can_mend_is_one_message(error, expected):
    def fail():
        raise error

    with pytest.raises(SystemExit, match="featherbench: ") as raised:
        invocation.or_exit(fail)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-n", "all"], True),
        (["--dry-run"], True),
        (["--dryrun"], True),
        (["-np"], True),
        (["--cores", "1", "all"], False),
        (["--nolock", "-s", "name"], False),
    ],
)
def test_a_dry_run_is_told_by_its_option(arguments, expected):
    assert invocation.is_dry_run(arguments) == expected


LACKING = builders.plan(
    builders.planned_workload("http", deployments=1),
    platforms=[
        builders.planned_platform(
            "a-native",
            missing_requirements=(MissingRequirement(what="no root", remedy="use sudo"),),
        )
    ],
)


def test_a_run_that_can_measure_nothing_says_why_and_fails(capsys):
    with pytest.raises(SystemExit, match="nothing can be measured") as raised:
        invocation.refuse_empty(LACKING, dry_run=False)
    assert "a-native: no root\n    remedy: use sudo" in str(raised.value)
    assert invocation.refuse_empty(LACKING, dry_run=True) == []
    assert invocation.refuse_empty(LACKING, dry_run=True) == []
    assert capsys.readouterr().err.count("nothing can be measured") == 1


@pytest.mark.parametrize(
    ("arguments", "nothing"),
    [
        (["--cores", "1", "all"], False),
        (["--cores", "1"], False),
        (["--cores", "1", "--configfile", "config/paper.yaml"], False),
        (["-n"], True),
        (["--cores", "1", "paper"], True),
        (["--unlock"], True),
        (["--rulegraph", "dot"], True),
    ],
)
def test_platforms_are_tried_only_where_something_may_be_measured(arguments, nothing):
    assert invocation.tries_nothing(arguments) is nothing
