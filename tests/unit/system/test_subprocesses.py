# SPDX-License-Identifier: Apache-2.0

import subprocess
import sys
from pathlib import Path

import pytest

from featherbench.errors import CommandError
from featherbench.system import subprocesses
from featherbench.system.polling import wait_until
from featherbench.system.shell import Shell
from featherbench.system.ssh import SshMachine


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


def conversation(script):
    return subprocesses.Conversation(["sh", "-c", script])


def test_a_program_that_is_kept_open_answers_line_by_line_and_ends_with_its_block():
    with conversation('while read -r line; do echo "$$ $line"; done') as program:
        first = program.ask("one", timeout_s=5)
        pid, answer = first.stdout.split()
        assert (answer, first.argv[-1]) == ("one", "one")
        assert program.ask("two", timeout_s=5).stdout == f"{pid} two\n"
    assert not Path("/proc", pid).exists()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("read line; printf half; exec sleep 600", r"did not answer within 0\.3 s"),
        ("read line; echo why >&2; exit 3", r"ended with status 3\n  its output: why"),
        ("read line; printf half; kill -9 $$", r"ended with status -9"),
        ("read line; exec >&-; exec sleep 600", r"ended with status -9"),
    ],
    ids=["silent", "an error", "killed", "closes its output"],
)
def test_half_an_answer_is_none(script, message):
    with conversation(script) as program, pytest.raises(CommandError, match=message):
        program.ask("line", timeout_s=0.3)


def test_a_program_that_ended_before_it_was_asked_is_an_error():
    with conversation("echo why >&2; exit 1") as program:
        program._process.wait(timeout=5)
        for _ in range(2):
            with pytest.raises(CommandError, match="ended with status 1"):
                program.ask("line", timeout_s=5)


def test_a_program_that_is_kept_open_ends_with_this_process_however_that_ends():
    keep = (
        "import time; from featherbench.system.subprocesses import Conversation; kept ="
        " Conversation(['sh', '-c', 'while read -r line; do echo $$; done']);"
        " print(kept.ask('line', timeout_s=5).stdout, flush=True); time.sleep(60)"
    )
    keeper = subprocess.Popen([sys.executable, "-c", keep], stdout=subprocess.PIPE, text=True)
    pid = int(keeper.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    keeper.kill()
    keeper.communicate(timeout=5)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="its end", within_s=5)


def _started(argv, output):
    subprocesses.start(argv, output=output, env={"WORD": "x"}).wait(timeout=5)
    return output.read_text()


WAYS = {
    "run": lambda argv, _: subprocesses.run(argv, timeout_s=5, env={"WORD": "x"}).stdout,
    "start": _started,
    "shell": lambda argv, _: Shell(["sh"]).run(argv, timeout_s=5).stdout,
    "ssh": lambda argv, _: (
        subprocesses.run(
            ["env", "-i", "sh", "-c", SshMachine(name="x", destination="y").command(argv)[-1]],
            timeout_s=5,
        ).stdout
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_programs_say_is_not_in_the_users_language(way, tmp_path, monkeypatch):
    monkeypatch.setattr(SshMachine, "_require_connection", lambda _: None)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    said = WAYS[way](["sh", "-c", "echo $LC_ALL; printf '\\303\\244'"], tmp_path / "out")
    assert said == "C\nä"
