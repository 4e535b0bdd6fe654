# SPDX-License-Identifier: Apache-2.0
"""A failed cell is data: it says what failed, the others continue, and only it is tried again."""

import json
import os
import signal
import socket

import pytest

from featherbench.services.launcher import PORTS
from featherbench.system.polling import wait_until


def failures(project):
    root = project.folder / "results/failures"
    return {
        str(path.relative_to(root).with_suffix("")): json.loads(path.read_text())
        for path in root.rglob("*.json")
    }


def server_under_load(project):
    """The instance under test, once a load generator measures it."""
    if not any(b"featherbench-load" in argv[0] for argv in project.processes().values()):
        return None
    try:
        job = (project.state / "job.json").read_text()
        lease = json.loads((project.state / "lease.json").read_text())
    except FileNotFoundError:  # between two jobs
        return None
    return lease["instance"]["handle"] if "measure/" in job else None


def test_a_server_killed_in_a_window_fails_its_cell_only(project):
    """The report of the run is that of its configuration, whatever the file says by then."""
    project.config["workloads"]["http"]["settings"]["window_s"] = 3
    project.config["workloads"]["http"]["repetitions"]["deployments"] = 1
    project.write_config()
    run = project.start("all")
    handle = wait_until(lambda: server_under_load(project), what="a cell is measured", within_s=60)
    (project.folder / "config.yaml").write_text("platforms: [")
    os.kill(handle["pid"], signal.SIGKILL)
    assert run.wait(240) != 0
    project.write_config()

    failed = failures(project)
    (name,) = failed
    assert name.startswith("measure/fake-native/http/d1/")
    assert "died" in failed[name]["message"]
    cell = name.removeprefix("measure/")
    assert set(project.cells()) == {f"fake-native/http/d1/c{c}" for c in (1, 2)} - {cell}

    report = (project.folder / "results/report.html").read_text()
    assert "died" in report
    assert cell.rsplit("/", 1)[0] in report

    good = project.content()
    assert project.pending_cells() == {cell}
    project.measure(cell)
    assert failures(project) == {}
    assert all(project.content()[name] == content for name, content in good.items())


def test_an_edit_of_the_configuration_concerns_the_next_run(project):
    http = project.config["workloads"]["http"]
    http |= {"concurrency": [1], "repetitions": {"deployments": 1, "windows": 1}}
    http["settings"]["window_s"] = 2
    project.write_config()
    cell = "fake-native/http/d1/c1"
    wanted = ("results/plan.json", "results/rulegraph.svg", *project.cell_files([cell]))
    run = project.start(*wanted, "--cores", "8")
    wait_until(lambda: server_under_load(project), what="a cell is measured", within_s=60)
    http["concurrency"] = [1, 2]
    project.write_config()
    assert run.wait(240) == 0
    plan = json.loads((project.folder / "results/plan.json").read_text())
    assert plan["workloads"][0]["load_points"] == ["c1"]
    assert set(project.cells()) == {cell}
    assert project.pending_cells() == {"fake-native/http/d1/c2"}


def test_a_taken_port_is_named_and_freed_ports_are_tried_again(project):
    project.config["workloads"]["http"]["repetitions"]["deployments"] = 1
    project.write_config()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", PORTS["http"]))
        taken.listen()
        assert project.end_without_report(project.start("all")) != 0
    output = project.said()
    assert str(PORTS["http"]) in output
    assert "Traceback" not in output
    assert project.cells() == {}
    assert {name.split("/")[0] for name in failures(project)} == {"deploy"}
    project.measure(*(f"fake-native/http/d1/c{c}" for c in (1, 2)))
    assert len(project.cells()) == 2
    assert failures(project) == {}


def test_a_wrong_configuration_is_one_message(project):
    project.config["workloads"]["http"]["settings"]["window"] = 1
    project.write_config()
    output = project.snakemake("all", expect=1)
    assert "workloads.http.settings.window" in output
    assert "config.yaml" in output
    assert "remedy" in output
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if line.strip()]) < 8, output


@pytest.mark.parametrize(
    "cpus", [{"server_cpus": [99999]}, {"server_cpus": [0], "client_cpus": [0]}]
)
def test_cpus_that_cannot_be_used_are_reported_before_anything_runs(project, cpus):
    project.config["testbed"] |= cpus
    project.write_config()
    output = project.snakemake("all", expect=1)
    assert "server_cpus" in output
    assert "remedy" in output
    assert "Traceback" not in output
    assert not (project.folder / "results").exists()
