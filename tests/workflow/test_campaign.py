# SPDX-License-Identifier: Apache-2.0
"""Kills and disturbances at random moments of real runs, in rounds; more of them: `make campaign`.

A round of a seed does the same in each campaign; its moment depends on the machine. After each,
nothing of ours is left and what is not ours is still there, no cell is lost, changed or measured
twice, no window that was disturbed is `ok`, and no traceback was shown.
"""

import errno
import itertools
import json
import os
import random
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from featherbench import registry
from featherbench.records.job_specs import TestbedSpec
from featherbench.system import cgroup
from featherbench.system.machine import LOCAL
from featherbench.system.polling import wait_until
from featherbench.testbed import cpus
from featherbench.testbed.lease import Lease
from featherbench.testbed.network import NAMESPACE, SERVER_INTERFACE

pytestmark = [pytest.mark.slow, pytest.mark.testbed, pytest.mark.docker, pytest.mark.lxd]

SEED = int(os.environ.get("SEED", "2017"))
ROUNDS = int(os.environ.get("ROUNDS", "40"))
PASSED = f"campaign/{SEED}"
"""The rounds of the seed that have passed, in pytest's cache; RESUME goes on without them."""

SHORT = {"window_s": 1, "warm_up_s": 0.2}
CAMPAIGN = {
    "platforms": ["linux-native", "docker-native", "lxd-native"],
    "workloads": {
        "http": {"concurrency": [8], "settings": SHORT},
        "kv": {"concurrency": [8], "settings": {**SHORT, "operations": ["SET"]}},
    },
    "repetitions": {"deployments": 1, "windows": 2},
}
CELLS = [
    f"{platform}/{workload}/d1/c8"
    for platform, workload in itertools.product(CAMPAIGN["platforms"], CAMPAIGN["workloads"])
]
LOADS = "featherbench-load"
SYSCTL = "net.ipv4.tcp_keepalive_time"
SEEN_FROM_S = 0.15
"""A window that was disturbed for less may be `ok`: it is looked at every 0.2 s."""
FOREIGN_ROUTE = ("unreachable", "10.79.0.0/24", "proto", "198")


def jobs(run, _):
    return [pid for pid, argv in run.processes().items() if b"--job" in argv]


def guard(run, _):
    with suppress(OSError, ValueError):
        return [json.loads((run.state / "owner.json").read_text())["guard"]["pid"]]
    return []


def whole_group(_, workflow):
    return [-workflow.pid]


def snakemake(_, workflow):
    return [workflow.pid]


def signalled(pids, number):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def hold(pids):
    """Stop processes for a while; return False if there are none."""
    signalled(pids, signal.SIGSTOP)
    time.sleep(0.4)
    signalled(pids, signal.SIGCONT)
    return bool(pids)


def servers(run):
    leased = Lease.read(run.state / "lease.json")
    return registry.load("technologies", leased.technology).processes(leased.instance)


def loads(run):
    """Return the load generators that measure now; before, they are asked for their versions."""
    processes = run.processes()
    if not any(word.startswith(b"measure/") for argv in processes.values() for word in argv):
        return []
    names = {pid: Path(argv[0].decode()).name for pid, argv in processes.items()}
    return [pid for pid, name in names.items() if name.startswith(LOADS)]


def hold_the_server(run):
    hold(servers(run))


def hold_the_load_generator(run):
    return hold(loads(run))  # there is none between cells


def burn(_):
    (cpu, *_) = cpus.choose(TestbedSpec(), LOCAL.cores()).server
    busy = ["taskset", "-c", str(cpu), "timeout", "0.8", "sh", "-c", "while :; do :; done"]
    subprocess.run(busy, check=False)


def move_the_server(run):
    """Move it to the client's CPUs; return False where its engine does not let it go there."""
    try:
        for pid in servers(run):
            os.sched_setaffinity(pid, cpus.choose(TestbedSpec(), LOCAL.cores()).client)
    except OSError as refused:
        if refused.errno != errno.EINVAL:
            raise
        return False
    return True


def change_a_sysctl(_):
    inside = ["ip", "netns", "exec", NAMESPACE, "sysctl", "-qw", f"{SYSCTL}=7199"]
    subprocess.run(inside, check=True)


def pull_the_cable(_):
    subprocess.run(["ip", "link", "set", SERVER_INTERFACE, "down"], check=True)
    time.sleep(0.3)
    subprocess.run(["ip", "link", "set", SERVER_INTERFACE, "up"], check=True)


def kill_the_server(run):
    signalled(servers(run), signal.SIGKILL)


TARGETS = (snakemake, jobs, guard, whole_group)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
DISTURBANCES = (
    *(hold_the_server, hold_the_load_generator, burn, move_the_server),
    *(change_a_sysctl, pull_the_cable, kill_the_server),
)
ROUND_KINDS = [*itertools.product(TARGETS, SIGNALS), *((each, None) for each in DISTURBANCES * 2)]


def randomness(number):
    return random.Random(f"{SEED}/{number}")


def kind_of(number):
    return randomness(number).choice(ROUND_KINDS)


def name_of(number):
    action, which = kind_of(number)
    return f"{number}-{which.name}-{action.__name__}" if which else f"{number}-{action.__name__}"


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        config = metafunc.config
        passed = config.cache.get(PASSED, []) if "RESUME" in os.environ else []
        numbers = [number for number in range(1, ROUNDS + 1) if number not in passed]
        metafunc.parametrize("number", numbers, ids=name_of)


@pytest.fixture(scope="module")
def foreign(traces):
    """Make what looks like ours and is not, and give all traces that must stay."""
    group, process = cgroup.own_group("foreign").memory, subprocess.Popen(["sleep", "infinity"])
    group.mkdir()
    (group / "cgroup.procs").write_text(str(process.pid))
    subprocess.run(["ip", "route", "add", *FOREIGN_ROUTE], check=True)
    yield traces()
    subprocess.run(["ip", "route", "delete", *FOREIGN_ROUTE], check=True)
    assert process.poll() is None, "what is not ours lives on"
    process.kill()
    process.wait()
    group.rmdir()


@pytest.fixture(scope="module")
def run(foreign, project_with, lay_root_filesystems, tmp_path_factory):
    """A run that has measured its cells, all of them again after the last round."""
    assert foreign, "what is not ours is there before anything runs"
    folder = tmp_path_factory.mktemp("campaign") / "project"
    project = project_with(CAMPAIGN, folder=folder, state=Path("/run/featherbench"))
    lay_root_filesystems(project)
    project.measure(*CELLS)
    yield project
    before = project.content()
    assert "Traceback" not in project.measure(*CELLS)
    assert before.items() <= project.content().items(), "no cell is measured twice"
    assert project.content().keys() == {*CELLS}


def kill(run, workflow, rng, target, which):
    """Send a signal at a random moment of a run, or as soon as there is something to send it to.

    Before the run has its record, Snakemake has not read a line of ours.
    """
    began = run.folder / f".snakemake/featherbench/{workflow.pid}.json"
    wait_until(lambda: began.exists() or workflow.poll() is not None, what=began, within_s=60)
    moment = time.monotonic() + rng.uniform(0, 10)
    wait_until(
        lambda: (
            workflow.poll() is not None or (time.monotonic() >= moment and target(run, workflow))
        ),
        what="the moment to kill",
        within_s=120,
    )
    signalled(target(run, workflow) if workflow.poll() is None else (), which)


def disturb(run, workflow, rng, action):
    """Disturb what is measured at a random moment; return when that began and ended, or None."""
    wait_until(
        lambda: workflow.poll() is not None or loads(run), what="load", within_s=120, every_s=0.02
    )
    assert workflow.poll() is None, run.said()
    time.sleep(rng.uniform(0.3, 1.5))  # past the warm-up
    began_s = time.monotonic()
    return None if action(run) is False else (began_s, time.monotonic())


@contextmanager
def ended(workflow):
    """End it at last, also where the test has failed: its guard then cleans up."""
    try:
        yield
    finally:
        workflow.kill()


def overlap_s(window, began_s, ended_s):
    starts_s = window["started_monotonic_s"]
    return min(ended_s, starts_s + window["duration_s"]) - max(began_s, starts_s)


def require_no_disturbed_window_is_ok(cells, began_s, ended_s):
    for window in itertools.chain(*(json.loads(cell)["windows"] for _, cell in cells)):
        if overlap_s(window, began_s, ended_s) >= SEEN_FROM_S:
            assert window["verdict"] != "ok", window


def test_a_round(run, number, foreign, traces, request):
    """It goes on where the last one ended, and measures a cell, or two if it ends the workflow."""
    rng = randomness(number)
    action, which = rng.choice(ROUND_KINDS)
    there, kept = run.cells(), len(CELLS) - (2 if action in (snakemake, whole_group) else 1)
    for name in rng.sample(sorted(there), max(0, len(there) - kept)):
        there[name].unlink()
    before = run.content()
    with run.start(*run.cell_files(CELLS)) as workflow, ended(workflow):
        if which:
            kill(run, workflow, rng, action, which)
        else:
            disturbed = disturb(run, workflow, rng, action)
        run.end_without_report(workflow)
    wait_until(lambda: traces() == foreign, what=f"as before: {foreign}", within_s=90)
    after = run.content()
    if not which and disturbed:
        require_no_disturbed_window_is_ok(after.items() - before.items(), *disturbed)
    assert "Traceback" not in run.said()
    assert before.items() <= after.items(), "no cell is lost, or measured twice"
    cache = request.config.cache
    cache.set(PASSED, sorted({*cache.get(PASSED, []), number}))
