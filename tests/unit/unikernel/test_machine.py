# SPDX-License-Identifier: Apache-2.0
"""What the user is told of a guest: each way of failing in words of its own."""

import socket
import subprocess

import pytest

from featherbench.records.instance import Endpoint, Instance
from featherbench.unikernels import qmp, technology, vm_process
from featherbench.unikernels.image_description import Description
from featherbench.vm.network import bridge


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Give the diagnosis of a guest; `status` is QEMU's word for it, None when QEMU is gone.

    Of a QEMU that is `ending`, the process is gone soon after it was asked.
    """

    def tell(
        *,
        status="running",
        ending=False,
        dead=False,
        exit_status=0,
        console="",
        qemu="",
        answers="",
    ):
        log = tmp_path / "abc.log"
        log.write_text(console)
        vm_process.output_of(log).write_text(qemu)
        monkeypatch.setattr(qmp, "status", lambda _: status)
        monkeypatch.setattr(qmp, "is_dead", lambda _: dead)
        monkeypatch.setattr(vm_process, "ENDS_WITHIN_S", 0.1)
        monkeypatch.setattr(vm_process, "exit_status", lambda _: exit_status)
        seen = iter([7, 7])
        pid_of = (lambda _: next(seen, None)) if ending else (lambda _: 7 if status else None)
        monkeypatch.setattr(vm_process, "pid_of", pid_of)
        return vm_process.diagnosis(
            instance_id="abc",
            number=7,
            name="featherbench-abc",
            is_qemu=True,
            log=log,
            signs=Description(console={"failure": ["panic: .*"]}).console,
            answers=lambda: answers,
        )

    return tell


def test_a_guest_that_runs(told):
    said = told(console="\x1b[2Jready\r\n")
    assert said.startswith("QEMU and the guest run; ")
    assert said.endswith("its console said last:\nready")


def test_a_dead_guest_under_a_live_qemu(told):
    assert "the guest is dead" in told(dead=True)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("internal-error", "KVM failed inside (an internal error)"),
        ("guest-panicked", "QEMU has stopped the guest: guest-panicked"),
        ("shutdown", "QEMU has stopped the guest: shutdown"),
        (qmp.SILENT, "QEMU hangs"),
    ],
)
def test_what_qemu_knows(told, status, words):
    assert words in told(status=status)


def test_an_internal_error_of_kvm_that_killed_qemu(told):
    said = told(status=None, exit_status=-6, qemu="error: failed to set MSR 0x10a to 0x69")
    assert "killed by signal 6" in said
    assert "KVM failed inside" in said
    assert "QEMU said: error: failed to set MSR" in said


def test_an_exit_before_it_is_ready_is_told_though_the_status_is_0(told):
    assert "ended by itself, with status 0" in told(status=None)
    assert "its process has ended" in told(status=None, exit_status=None)


@pytest.mark.parametrize("status", ["shutdown", qmp.SILENT])
def test_a_qemu_that_is_about_to_end_is_told_as_ended(told, status):
    assert "ended by itself, with status 83" in told(status=status, ending=True, exit_status=83)


def test_the_status_of_a_process_is_known_though_it_is_not_dead_yet():
    process = subprocess.Popen(["sh", "-c", "sleep 0.1; exit 3"])
    vm_process._children[process.pid] = process
    assert vm_process.exit_status(process.pid) == 3
    assert vm_process.exit_status(1) is None


def test_the_descriptions_own_sign_and_what_is_known_of_all(told):
    said = told(console="DHCP: waiting for a lease\npanic: no address")
    assert "'panic: no address'" in said
    assert "waits for DHCP" in said


def test_that_we_have_ended_qemu_is_no_news(told):
    assert "QEMU said" not in told(status=None, qemu="terminating on signal 15 from pid 1 (x)\n")


def test_a_port_that_accepts_and_never_answers_is_told_as_that(monkeypatch):
    monkeypatch.setattr(bridge, "require_way_to", lambda _: None)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        at = Endpoint(address="127.0.0.1", port=mute.getsockname()[1], ping_address="127.0.0.1")
        instance = Instance(
            id="abc", technology="osv", service="kv", handle={}, endpoint=at, started_utc=""
        )
        assert "accepts connections without answering" in technology._answers(instance)
    assert technology._answers(instance) == ""
