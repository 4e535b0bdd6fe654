# SPDX-License-Identifier: Apache-2.0
"""gVisor, by Debian's runsc, as the runtime of a Docker engine of the test's own.

The engine, and what is measured in it, have namespaces of their own: the machine's engine notices
nothing.
"""

import json
import shutil
import subprocess

import pytest

from featherbench.system.sysctls import NOT_SET

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
WITH_ENGINE = """
engine=$1; shift
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up
dockerd --config-file "$engine/daemon.json" >"$engine/log" 2>&1 &
until docker version >/dev/null 2>&1; do kill -0 $! && sleep 0.1; done
status=0
"$@" || status=$?
docker ps --all --quiet
kill $!
wait $! || true
rm -rf "$engine/data"
exit $status
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


def engine_in(folder, runsc):
    """Write the settings of an engine that has all its files in a folder, and the runtime."""
    folder.mkdir()
    (folder / "runsc").write_text(RUNTIME.format(runsc))
    (folder / "runsc").chmod(0o755)
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    settings = {
        **{key: str(folder / name) for key, name in places.items()},
        "hosts": [f"unix://{folder}/socket"],
        "runtimes": {"runsc": {"path": str(folder / "runsc")}},
    }
    (folder / "daemon.json").write_text(json.dumps(settings))


def test_a_server_in_gvisor_is_measured_and_what_it_ignores_is_told(
    project_with, lay_root_filesystems, runsc, tmp_path
):
    engine = tmp_path / "engine"
    engine_in(engine, runsc)
    project = project_with(CONFIG, folder=tmp_path / "project")
    lay_root_filesystems(project)
    cells = project.cell_files(["docker-native/http/d1/c4"])
    own = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*own, "bash", "-euc", WITH_ENGINE, "bash", str(engine), *project.command(*cells)],
        env={**project.environment, "DOCKER_HOST": f"unix://{engine}/socket"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
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
