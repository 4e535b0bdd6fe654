# SPDX-License-Identifier: Apache-2.0
"""The report of a guest, and its console."""

import os
from pathlib import Path

import pytest

from featherbench.records.tuning import Tuning
from featherbench.vm import boot_report

REPORT = Path(__file__).parents[2] / "data/vm/report.txt"
PANIC = """\
[    0.1] something before
[    3.893846] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100
[    3.894572] CPU: 0 PID: 1 Comm: minimal-init Not tainted 6.1.0-56-cloud-amd64 #1  Debian
[    3.895059] Call Trace:
"""


def test_tuning_is_returned_by_its_requested_names():
    wanted = Tuning(
        net_sysctls={"net.core.somaxconn": "1024", "net.ipv4.ip_local_port_range": "1024 65535"},
        nofile=4321,
    )
    assert boot_report.tuning(boot_report.read(REPORT), wanted) == {
        "net.core.somaxconn": "1024",
        "net.ipv4.ip_local_port_range": "1024 65535",
        "nofile": "4321",
    }
    unknown = Tuning(net_sysctls={"net.core.other": "1"}, nofile=None)
    assert boot_report.tuning(boot_report.read(REPORT), unknown) == {}


def test_phases_after_the_creation_add_up(tmp_path):
    file = tmp_path / "report"
    file.write_text("user_space_began_s:1.5\r\nservice_began_s:2.75\r\n")
    os.utime(file, ns=(0, 10_000_000_000))
    phases = boot_report.phases_s(file, created_ns=6_000_000_000)
    assert phases == {"firmware_and_kernel": 2.75, "user_space": 1.25}
    assert boot_report.phases_s(tmp_path / "missing", created_ns=0) == {}


@pytest.mark.parametrize(
    ("told", "how_far"),
    [
        ("", "never started the first program"),
        ("user_space_began_s:1.5\n", "its service never began"),
        ("user_space_began_s:1.5\nservice_began_s:2.75\n", "its service began 2.75 s"),
    ],
)
def test_the_progress_of_a_boot(told, how_far):
    assert how_far in boot_report.progress(boot_report.parse(told))


def test_the_beginning_of_a_panic_is_shown(tmp_path):
    console = tmp_path / "console"
    console.write_text(PANIC + "line\n" * 100)
    shown = boot_report.console_tail(console)
    assert shown.startswith("[    3.893846] Kernel panic")
    assert len(shown.splitlines()) == boot_report.CONSOLE_LINES
    assert boot_report.end_of(console) == "the guest's kernel panicked"


def test_a_console_is_shown_without_control_sequences(tmp_path):
    console = tmp_path / "console"
    console.write_bytes(
        b"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start.\r\n\r\n[ 9] reboot: Power down"
    )
    shown = boot_report.console_tail(console)
    assert shown == "[FAILED] Failed to start.\n[ 9] reboot: Power down"
    assert boot_report.end_of(console) == "the guest powered itself off"


def test_an_empty_console(tmp_path):
    assert boot_report.console_tail(tmp_path / "missing") == "nothing"
    assert boot_report.end_of(tmp_path / "missing") == "the guest is gone"


def test_a_report_may_follow_other_output_on_its_line():
    told = boot_report.parse(
        "\x1b[0m[  26.0] user_space_began_s:26.05\r\nnet/core/somaxconn:1234\r\n"
    )
    assert told["user_space_began_s"] == "26.05"
    assert told["net/core/somaxconn"] == "1234"
    assert boot_report.parse("featherbench login: ready_s:209.26\r\n")["ready_s"] == "209.26"
