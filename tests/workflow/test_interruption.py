# SPDX-License-Identifier: Apache-2.0
"""However a run ends, nothing of it is left, and the next one redoes the interrupted cell only."""

import json
import os
import random
import signal
import time

import pytest

from featherbench.waiting import wait_until

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
ROUNDS = [(which, target) for which in SIGNALS for target in ("snakemake", "job")] * 3
LONGEST_S = 6.0


def job_pid(project):
    try:
        return json.loads((project.state / "job.json").read_text())["process"]["pid"]
    except (OSError, ValueError, KeyError):
        return None


def interrupt(project, run, which, target):
    pid = run.pid if target == "snakemake" else job_pid(project)
    if pid is None or run.poll() is not None:
        return
    try:
        os.kill(pid, which)
    except ProcessLookupError:
        return


def whole(cells):
    for path in cells.values():
        json.loads(path.read_text())


@pytest.mark.timeout(900)
def test_signals_at_random_moments_leave_nothing_behind(project):
    project.config["workloads"]["http"]["repetitions"]["deployments"] = 3
    project.write_config()
    rng = random.Random(2017)
    for which, target in ROUNDS:
        before = project.content()
        run = project.start("all")
        moment = time.monotonic() + rng.uniform(0.5, LONGEST_S)
        wait_until(
            lambda at=moment, run=run: time.monotonic() >= at or run.poll() is not None,
            what="the moment to interrupt",
            within_s=2 * LONGEST_S,
        )
        interrupt(project, run, which, target)
        run.wait(240)
        wait_until(
            lambda: not project.processes(),
            what=f"nothing is left after {which.name} to {target}",
            within_s=60,
        )
        after = project.content()
        whole(project.cells())
        assert all(after[name] == content for name, content in before.items())
    project.snakemake("all")
    assert len(project.cells()) == 6
    assert not list(project.folder.rglob("results/**/.*.json.*"))
