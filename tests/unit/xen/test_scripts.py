# SPDX-License-Identifier: Apache-2.0
"""The scripts that run in dom0, with stand-ins for its tools; the caller may be killed."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from featherbench.system.polling import wait_until
from featherbench.xen.domain_lifecycle import SCRIPTS

TOOLS = {
    "losetup": """
if [ "$1" = --find ]; then echo /dev/loop77; exit; fi
echo begun >>"$LOG"; sleep 1; echo attached >>"$LOG"
""",
    "dmsetup": "exit 1\n",
    "xl": "exit 1\n",
}


@dataclass(frozen=True, kw_only=True)
class Dom0:
    """Runs scripts as ssh would have it done."""

    folder: Path
    tools: Path
    log: Path

    def tool(self, name, text):
        (self.tools / name).write_text(f"#!/bin/sh\n{text}")
        (self.tools / name).chmod(0o755)

    def start(self, script, *words):
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        with (SCRIPTS / f"{script}.sh").open() as source:
            return subprocess.Popen(
                ["sh", "-s", "--", self.folder, "name", *words],
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PATH": path, "LOG": str(self.log)},
            )

    def end_of(self, script, *words):
        running = self.start(script, *words)
        _, said = running.communicate(timeout=60)
        return running.returncode, said

    def said(self):
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def dom0(tmp_path):
    given = Dom0(folder=tmp_path / "domain", tools=tmp_path / "tools", log=tmp_path / "log")
    given.folder.mkdir()
    given.tools.mkdir()
    for name, text in TOOLS.items():
        given.tool(name, text)
    return given


def test_a_device_that_is_being_attached_is_recorded_and_waited_for(dom0):
    attaching = dom0.start("attach", "/img", "ro")
    wait_until(lambda: "begun" in dom0.said(), what="losetup", within_s=10)
    attaching.kill()
    attaching.communicate()
    assert (dom0.folder / "loops").read_text() == "/dev/loop77 /img\n"
    assert dom0.end_of("detach") == (0, "")
    assert dom0.said() == ["begun", "attached"]
    assert not dom0.folder.exists()


def test_nothing_is_attached_for_a_domain_that_was_removed(dom0):
    dom0.folder.rmdir()
    status, _ = dom0.end_of("attach", "/img", "ro")
    assert status != 0
    assert dom0.said() == []


def test_another_loop_device_is_used_if_one_is_taken(dom0):
    dom0.tool(
        "losetup",
        """
if [ "$1" = --find ]; then echo /dev/loop$(wc -l <"$LOG"); exit; fi
echo tried >>"$LOG"; [ "$(wc -l <"$LOG")" -gt 2 ]
""",
    )
    dom0.log.touch()
    assert dom0.end_of("attach", "/img", "ro") == (0, "")
    assert dom0.said() == ["tried"] * 3
    assert (dom0.folder / "loops").read_text() == "/dev/loop2 /img\n"


def test_a_domain_that_cannot_be_destroyed_is_not_forgotten(dom0):
    dom0.tool("xl", '[ "$1" = list ]\n')
    status, said = dom0.end_of("detach")
    assert status == 1
    assert "xl does not destroy name" in said
    assert dom0.folder.exists()


@pytest.mark.parametrize(
    ("xen_runs", "said_by_xl", "status"),
    [
        (True, "cannot open privcmd", 1),
        (True, "name is an invalid domain identifier (rc=-6)", 0),
        (False, "cannot open privcmd", 0),
    ],
)
def test_a_domain_is_gone_if_xl_reports_it_or_no_xen_runs(dom0, xen_runs, said_by_xl, status):
    dom0.tool("grep", f"exit {0 if xen_runs else 1}\n")
    dom0.tool("xl", f"echo '{said_by_xl}' >&2\nexit 1\n")
    assert dom0.end_of("detach")[0] == status
    assert dom0.folder.exists() == (status == 1)
