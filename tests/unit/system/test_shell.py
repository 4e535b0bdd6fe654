# SPDX-License-Identifier: Apache-2.0
"""The persistent shell, with a shell of this machine in place of one by ssh."""

import os
import signal
import time

import pytest

from featherbench.errors import CommandError
from featherbench.system.processes import descendants, ourselves
from featherbench.system.shell import Shell, ShellLostError

MANY_BYTES = 3_000_000


@pytest.fixture
def shell():
    shell = Shell(["sh"])
    yield shell
    shell.close()


def test_both_streams_and_the_status_come_back(shell):
    done = shell.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=5)
    assert (done.stdout, done.stderr, done.exit_status) == ("out\n", "err\n", 3)
    assert shell.run(["printf", "%s|", "a b", "$x;y", "it's", ""], timeout_s=5).stdout == (
        "a b|$x;y|it's||"
    )


def test_input_and_output_are_any_text(shell):
    for text in ("", "\n", "no end", "two\n\n", "NUL \0 and \0001", r"\0 \n \c %s '", "ä"):
        assert shell.run(["cat"], timeout_s=5, stdin=text).stdout == text


def test_a_program_without_input_does_not_read_the_next_command(shell):
    assert shell.run(["cat"], timeout_s=5).stdout == ""
    assert shell.run(["echo", "next"], timeout_s=5).stdout == "next\n"


def test_much_input_and_much_output_do_not_block_each_other(shell):
    script = "tee /dev/stderr"
    done = shell.run(["sh", "-c", script], timeout_s=30, stdin="x" * MANY_BYTES)
    assert (len(done.stdout), len(done.stderr)) == (MANY_BYTES, MANY_BYTES)


def test_input_that_the_program_does_not_read_is_no_error(shell):
    assert shell.run(["true"], timeout_s=5, stdin="x" * MANY_BYTES).exit_status == 0


def test_a_program_that_does_not_exist_has_the_status_of_a_shell(shell):
    done = shell.run(["no-such-program"], timeout_s=5)
    assert done.exit_status == 127
    assert "no-such-program" in done.tail


def test_the_cpu_time_is_the_programs_own(shell):
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    spent_s = shell.run(["sh", "-c", busy], timeout_s=30).cpu_s
    assert spent_s > 0.03
    assert shell.run(["true"], timeout_s=5).cpu_s < spent_s


def test_a_program_that_does_not_end_in_time_ends_the_shell(shell):
    with pytest.raises(CommandError, match=r"did not end within 0\.2 s"):
        shell.run(["sleep", "600"], timeout_s=0.2)
    assert not shell.is_open


def test_an_exception_within_a_command_leaves_no_answer_for_the_next_one(shell):
    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            shell.run(["sleep", "600"], timeout_s=60)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not shell.is_open


def test_a_lost_shell_says_what_ssh_wrote():
    shell = Shell(["sh", "-c", "echo ssh: no route >&2; exit 255"])
    with pytest.raises(ShellLostError, match="ssh: no route"):
        shell.run(["true"], timeout_s=5)
    assert not shell.is_open


def test_a_shell_that_dies_under_a_program_is_lost(shell):
    children = descendants(ourselves())
    with pytest.raises(ShellLostError):
        shell.run(["sh", "-c", f"kill -9 {' '.join(str(c.pid) for c in children)}"], timeout_s=5)


@pytest.mark.usefixtures("shell")
def test_ctrl_c_in_the_terminal_does_not_reach_the_shell():
    (process,) = [child for child in descendants(ourselves()) if os.getsid(child.pid) == child.pid]
    assert os.getpgid(process.pid) != os.getpgrp()


def test_a_pipe_that_others_keep_open_does_not_hang_the_end():
    """A shared connection that ssh leaves behind may have kept its stderr."""
    began_s = time.monotonic()
    shell = Shell(["sh", "-c", "setsid sleep 30 >/dev/null & exec sh"])
    shell.run(["true"], timeout_s=5)
    shell.close()
    assert time.monotonic() - began_s < 10
