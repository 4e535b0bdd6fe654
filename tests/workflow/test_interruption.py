# SPDX-License-Identifier: Apache-2.0
"""However a run ends, nothing of it is left, and the next one repeats only the interrupted cell."""

import base64
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from featherbench.system.polling import wait_until

pytestmark = pytest.mark.slow

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
ROUNDS = [(which, target) for which in SIGNALS for target in ("snakemake", "job")] * 2
EARLIEST_S, LATEST_S = 1.5, 5.0


def job_pid(project):
    try:
        return json.loads((project.state / "job.json").read_text())["job"]["pid"]
    except (OSError, ValueError, KeyError):
        return None


def interrupt(project, run, which, target):
    """Send the signal, and return whether its target was there."""
    pid = run.pid if target == "snakemake" else job_pid(project)
    if pid is None or run.poll() is not None:
        return False
    try:
        os.kill(pid, which)
    except ProcessLookupError:
        return False
    return True


def cells_under_way(project):
    """The cells whose jobs Snakemake began and has not seen the end of."""
    markers = (project.folder / ".snakemake/incomplete").glob("*")
    files = [base64.urlsafe_b64decode(marker.name).decode() for marker in markers]
    return {f.removeprefix("results/cells/").removesuffix(".json") for f in files}


@pytest.mark.timeout(1200)
def test_signals_at_random_moments_leave_nothing_behind(project):
    project.config["workloads"]["startup"] = {"repetitions": {"deployments": 2, "windows": 1}}
    project.write_config()
    rng = random.Random(2017)
    project.snakemake("all")
    names = sorted(project.cells())
    hits, interrupted = Counter(), set()
    for which, target in ROUNDS:
        for name in rng.sample(names, 2):
            project.cells().get(name, Path("gone")).unlink(missing_ok=True)
        before = project.content()
        run = project.start("all")
        moment = time.monotonic() + rng.uniform(EARLIEST_S, LATEST_S)
        wait_until(
            lambda at=moment, run=run, target=target: (
                (time.monotonic() >= at and (target == "snakemake" or job_pid(project)))
                or run.poll() is not None
            ),
            what="the moment to interrupt",
            within_s=60,
        )
        hits[target] += interrupt(project, run, which, target)
        run.wait(240)
        wait_until(
            lambda: not project.processes(),
            what=f"nothing is left after {which.name} to {target}",
            within_s=60,
        )
        after = project.content()
        assert all(map(json.loads, after.values())), "no cell is there by half"
        # A job that ends well while Snakemake is already dying counts as interrupted.
        redone = {name for name, content in before.items() if after.get(name) != content}
        assert redone <= interrupted
        interrupted = cells_under_way(project)
    assert sum(hits.values()) >= 13
    assert min(hits.values()) >= len(SIGNALS), hits
    project.measure(*names)
    assert sorted(project.cells()) == names
    assert "LockException" not in (project.folder / "snakemake.out").read_text()
    assert not list(project.folder.rglob("results/**/.*.json.*"))
