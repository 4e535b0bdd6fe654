# SPDX-License-Identifier: Apache-2.0

import pytest

from featherbench.errors import CommandError
from featherbench.system import subprocesses


def test_both_streams_and_the_status_come_back():
    script = "cat; echo err >&2; exit 3"
    done = subprocesses.run(["sh", "-c", script], timeout_s=5, check=False, stdin="in")
    assert (done.stdout, done.stderr, done.exit_status) == ("in", "err\n", 3)
    assert done.tail == "err"


def test_a_failure_is_an_error_with_the_end_of_the_output():
    with pytest.raises(CommandError, match=r"ended with status 1\n  its output: why"):
        subprocesses.run(["sh", "-c", "echo why; exit 1"], timeout_s=5)


def test_a_program_that_does_not_end_in_time_is_an_error():
    with pytest.raises(CommandError, match=r"did not end within 0\.1 s"):
        subprocesses.run(["sleep", "600"], timeout_s=0.1)


def test_the_cpu_time_is_the_programs_own():
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    assert subprocesses.run(["sh", "-c", busy], timeout_s=30).cpu_s > 0.03


def test_a_started_program_writes_to_a_file_and_has_a_session_of_its_own(tmp_path):
    program = ["sh", "-c", 'echo "$WORD"; ps -o sid= -p $$; echo err >&2']
    started = subprocesses.start(program, output=tmp_path / "out", env={"WORD": "hello"})
    assert started.wait(timeout=5) == 0
    word, session, err = (tmp_path / "out").read_text().split()
    assert (word, int(session), err) == ("hello", started.pid, "err")


def test_a_program_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(CommandError, match="the program is missing"):
        subprocesses.start(["no-such-program"], output=tmp_path / "out")
