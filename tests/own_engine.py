# SPDX-License-Identifier: Apache-2.0
"""A Docker engine of a test's own, in namespaces of its own: the machine's engine notices nothing.

All its files are in one folder, and all its processes end with it.
"""

import json
import subprocess
import tempfile
from pathlib import Path

OWN = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
WITH_ENGINE = """
engine=$1; prepare=$2; shift 2
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
ip link set lo up
dockerd --config-file "$engine/daemon.json" >"$engine/log" 2>&1 &
until docker version >/dev/null 2>&1; do
  kill -0 $! || { cat "$engine/log"; exit 1; }
  sleep 0.1
done
status=0
sh -c "$prepare"
"$@" || status=$?
kill $!
wait $! || true
rm -rf "$engine/data"
exit $status
"""


def run_with_engine(folder, argv, *, env, timeout, prepare="true", **settings):
    """Run a program in a folder with an engine to talk to, and return how it ended.

    `prepare` is a shell's; `settings` are the engine's.
    """
    folder.mkdir()
    # The path of a socket has 107 characters at most, and containerd's is long.
    with tempfile.TemporaryDirectory(prefix="fb-", ignore_cleanup_errors=True) as engine:
        places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        all_settings = {
            **{key: f"{engine}/{name}" for key, name in places.items()},
            "hosts": [f"unix://{engine}/socket"],
            **settings,
        }
        Path(engine, "daemon.json").write_text(json.dumps(all_settings))
        return subprocess.run(
            [*OWN, "bash", "-euc", WITH_ENGINE, "bash", engine, prepare, *argv],
            env={**env, "DOCKER_HOST": f"unix://{engine}/socket"},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
