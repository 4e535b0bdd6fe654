# SPDX-License-Identifier: Apache-2.0
"""A file is there whole or not at all, and nothing lies beside it for long."""

import signal
import subprocess
import sys

import pytest

from featherbench.files import open_atomic, write_atomic

DIES_WHILE_IT_WRITES = """
import os, pathlib, signal, sys
from featherbench.files import open_atomic
with open_atomic(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half of it, and more than the next one writes")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "cell.json"


def beside(path):
    return [each.name for each in path.parent.iterdir() if each != path]


def fill_the_disk(path):
    with open_atomic(path) as file:
        file.write(b"ne")
        raise OSError("the disk is full")


def test_folders_are_made_and_all_may_read(path):
    write_atomic(path, "whole\n")
    assert path.read_text() == "whole\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert beside(path) == []


def test_the_old_file_is_seen_until_the_new_one_is_whole(path):
    write_atomic(path, "old")
    with open_atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_after_an_error_the_old_file_stays_alone(path):
    write_atomic(path, "old")
    with pytest.raises(OSError, match="full"):
        fill_the_disk(path)
    assert path.read_text() == "old"
    assert beside(path) == []


def test_what_a_killed_writer_leaves_is_gone_with_the_next_one(path, repository):
    killed = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_IT_WRITES, str(path)],
        env={"PYTHONPATH": str(repository / "scripts")},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(beside(path)) == 1
    write_atomic(path, "whole")
    assert path.read_text() == "whole"
    assert beside(path) == []
