# SPDX-License-Identifier: Apache-2.0
"""gVisor, by Debian's runsc, as the runtime of a Docker engine of the test's own."""

import json
import shutil
import subprocess

import pytest

from featherbench.system.sysctls import NOT_SET
from own_engine import run_with_engine

pytestmark = [
    *(pytest.mark.slow, pytest.mark.testbed, pytest.mark.docker),
]
WITHIN_S = 240
CONFIG = {
    "platforms": [{"name": "docker-native", "settings": {"runtime": "runsc"}}],
    "baseline": "docker-native",
    "workloads": {
        "http": {"concurrency": [4], "settings": {"window_s": 0.5, "warm_up_s": 0.2}},
    },
    "repetitions": {"deployments": 1, "windows": 1},
}
# runsc of 2022 takes a kernel that shows net/core in each network namespace for one in the first,
# and refuses its own network there.
RUNTIME = """#!/bin/sh
exec unshare --mount --propagation private \\
    sh -c 'mount -t tmpfs none /proc/sys/net && exec {} "$@"' runsc "$@"
"""


@pytest.fixture
def runsc(tmp_path):
    """Give the path of runsc: the installed one, or that of the package, which stays unpacked."""
    if installed := shutil.which("runsc"):
        return installed
    done = subprocess.run(["apt-get", "download", "runsc"], cwd=tmp_path, check=False)
    if done.returncode != 0:
        pytest.skip("apt offers no runsc")
    (package,) = tmp_path.glob("*.deb")
    subprocess.run(["dpkg", "-x", package, tmp_path / "runsc"], check=True)
    return str(tmp_path / "runsc/usr/bin/runsc")


def test_a_server_in_gvisor_is_measured_and_what_it_ignores_is_told(
    project_with, lay_root_filesystems, runsc, tmp_path
):
    runtime = tmp_path / "runsc.sh"
    runtime.write_text(RUNTIME.format(runsc))
    runtime.chmod(0o755)
    project = project_with(CONFIG, folder=tmp_path / "project")
    lay_root_filesystems(project)
    cells = project.cell_files(["docker-native/http/d1/c4"])
    done = run_with_engine(
        tmp_path / "engine",
        project.command(*cells),
        runtimes={"runsc": {"path": str(runtime)}},
        env=project.environment,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cell = json.loads((project.folder / cells[0]).read_text())
    (window,) = cell["windows"]
    assert window["value"] > 0
    assert not any("stopped" in reason for reason in window["reasons"])
    in_force = cell["tuning"]["instance"]
    assert in_force["net.core.somaxconn"].startswith(f"{NOT_SET}the runtime runsc has")
    assert all(value.startswith(NOT_SET) for value in in_force.values())
    assert cell["instance"]["technology"] == "docker"
