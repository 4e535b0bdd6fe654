# SPDX-License-Identifier: Apache-2.0
"""Measurements never overlap, whatever options Snakemake has and whichever workflows run."""

import json
import re
import signal
from itertools import pairwise

import pytest

from featherbench.system.polling import wait_until

CELLS = [f"fake-native/http/d{deployment}/c{level}" for deployment in (1, 2) for level in (1, 2)]


def windows(project):
    """Begin and end of every window, by the host's monotonic clock."""
    return [
        (window["started_monotonic_s"], window["started_monotonic_s"] + window["duration_s"])
        for path in project.cells().values()
        for window in json.loads(path.read_text())["windows"]
    ]


def assert_apart(spans):
    assert len(spans) > 1
    for (_, end), (begin, _) in pairwise(sorted(spans)):
        assert end <= begin


@pytest.mark.parametrize(
    "arguments",
    [["--cores", "8"], ["--cores", "8", "--resources", "testbed=8", "--workflow-profile", "none"]],
    ids=["cores", "resources-without-profile"],
)
def test_one_measurement_at_a_time(project, arguments):
    project.measure(*CELLS, arguments=arguments)
    assert_apart(windows(project))


def rules(repository):
    """The text of every rule that runs a command, by its name."""
    files = [repository / "Snakefile", *(repository / "workflow/rules").glob("*.smk")]
    text = "\n".join(file.read_text() for file in files)
    found = re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:[ ].*\n|\n)+)", text, re.MULTILINE)
    return {name: body for name, body in found if "shell:" in body}


def test_no_job_runs_beside_a_measurement(repository):
    assert {"measure", "plan", "rulegraph", "plot", "paper_tables"} <= set(rules(repository))
    takes = re.compile(r"^    resources:\n        testbed=1,\n", re.MULTILINE)
    assert [name for name, body in rules(repository).items() if not takes.search(body)] == []


def test_a_second_workflow_on_this_host_waits_and_says_for_whom(project, tmp_path):
    def says_that_it_waits():
        return "featherbench waits" in (second.folder / "snakemake.out").read_text()

    second = project.copy(tmp_path / "second", state=project.state)
    first = project.start(*project.cell_files(CELLS))
    wait_until(project.state_has_owner, what="the first workflow owns the testbed", within_s=60)
    # However slowly the second one starts, the first one is still there.
    first.send_signal(signal.SIGSTOP)
    later = second.start(*second.cell_files(CELLS))
    wait_until(says_that_it_waits, what="the second workflow waits", within_s=120)
    # SIGTERM ends one that waits, and no job of the other.
    later.send_signal(signal.SIGTERM)
    assert later.wait(60) != 0
    assert "without a report" in (second.folder / "snakemake.out").read_text()
    assert first.poll() is None
    (second.folder / "snakemake.out").rename(second.folder / "ended.out")
    later = second.start(*second.cell_files(CELLS))
    wait_until(says_that_it_waits, what="the second workflow waits", within_s=120)
    first.send_signal(signal.SIGCONT)
    assert (first.wait(240), later.wait(240)) == (0, 0)
    assert_apart(windows(project) + windows(second))
    assert str(first.pid) in (second.folder / "snakemake.out").read_text()
