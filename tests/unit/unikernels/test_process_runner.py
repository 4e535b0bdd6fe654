# SPDX-License-Identifier: Apache-2.0
"""The diagnosis of a user's image, with different words for each kind of failure; its usage."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from featherbench.contracts.image_description import Description
from featherbench.contracts.vm_runner import Vm
from featherbench.errors import InstanceDiedError
from featherbench.unikernels import console_hints, process_runner, qmp, tap
from featherbench.unikernels.process_runner import ENDED_AS_ALLOWED, ProcessRunner
from featherbench.vm import bridge


def vm(**changes):
    fields = {"instance_id": "abc", "console": Path("/logs/abc.log"), "address": "198.18.2.2"}
    return Vm(**fields | changes)


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Give the diagnosis of a guest; `status` is QEMU's word for it, None when QEMU is gone.

    Of a QEMU that is `ending`, the process is gone soon after it was asked.
    """

    def tell(*, status="running", ending=False, dead=False, exit_status=0, console="", qemu=""):
        log = tmp_path / "abc.log"
        log.write_text(console)
        process_runner.hypervisor_log(log).write_text(qemu)
        monkeypatch.setattr(qmp, "status", lambda _: status)
        monkeypatch.setattr(qmp, "is_dead", lambda _: dead)
        monkeypatch.setattr(process_runner, "ENDS_WITHIN_S", 0.1)
        monkeypatch.setattr(process_runner, "exit_status", lambda _: exit_status)
        seen = iter([7, 7])
        process_id = (lambda _: next(seen, None)) if ending else (lambda _: 7 if status else None)
        monkeypatch.setattr(process_runner, "process_id", process_id)
        description = Description(console={"failure": ["panic: .*"]})
        return ProcessRunner(accelerator="tcg").diagnosis(vm(console=log, description=description))

    return tell


ENDING = {"ending": True, "exit_status": 83}


def test_a_guest_that_runs(told):
    said = told(console="\x1b[2Jready\r\n")
    assert said.startswith("QEMU and the guest run; ")
    assert said.endswith("last lines of its console:\nready")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dead": True}, "the guest is dead"),
        ({"status": "internal-error"}, "KVM failed inside (an internal error)"),
        ({"status": "guest-panicked"}, "QEMU has stopped the guest: guest-panicked"),
        ({"status": "shutdown"}, "QEMU has stopped the guest: shutdown"),
        ({"status": qmp.SILENT}, "QEMU hangs"),
        ({"status": None}, "ended by itself, with status 0"),
        ({"status": None, "exit_status": None}, "its process has ended"),
        ({"status": "shutdown"} | ENDING, "ended by itself, with status 83"),
        ({"status": qmp.SILENT} | ENDING, "ended by itself, with status 83"),
    ],
)
def test_the_state_of_guest_and_qemu_is_reported(told, given, words):
    assert words in told(**given)


def test_an_internal_error_of_kvm_that_killed_qemu(told):
    said = told(status=None, exit_status=-6, qemu="error: failed to set MSR 0x10a to 0x69")
    assert "killed by signal 6" in said
    assert "KVM failed inside" in said
    assert "QEMU said: error: failed to set MSR" in said


def test_the_exit_status_is_known_although_the_process_is_not_dead_yet():
    process = subprocess.Popen(["sh", "-c", "sleep 0.1; exit 3"])
    process_runner._children["abc"] = process
    assert process_runner.exit_status("abc") == 3
    assert process_runner.exit_status("another") is None


def test_the_descriptions_own_sign_and_known_phrases_are_reported(told):
    said = told(console="DHCP: waiting for a lease\npanic: no address")
    assert "'panic: no address'" in said
    assert "waits for DHCP" in said


def test_an_end_by_featherbench_is_not_reported(told):
    assert "QEMU said" not in told(status=None, qemu="terminating on signal 15 from pid 1 (x)\n")


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (None, "accepts connections without answering: often a sign of too little memory"),
        (b"HTTP/1.1 200 OK\r\n", "answers on its own link: if it does not answer the client"),
    ],
    ids=["mute", "answers"],
)
def test_a_server_without_an_answer_for_the_client_is_told_by_what_its_port_does(
    monkeypatch, answer, note
):
    monkeypatch.setattr(bridge, "require_route_to", lambda _: None)
    monkeypatch.setattr(bridge, "CONNECT_WITHIN_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        guest = vm(address="127.0.0.1", port=server.getsockname()[1], service="http")

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.send(answer) if answer else connection.recv(100)

        thread = threading.Thread(target=serve)
        thread.start()
        said = console_hints.mute_server(guest)
        thread.join()
    assert said.startswith(f", and 127.0.0.1:{guest.port} {note}")
    refused = console_hints.mute_server(guest)
    assert "refuses connections: its server does not listen there" in refused
    assert "`port`" in refused
    assert console_hints.mute_server(vm(service="startup")) == ""


def test_an_end_that_is_allowed_leaves_no_usage_and_any_other_is_an_error(monkeypatch):
    def dies(*_):
        raise InstanceDiedError("its process is gone")

    monkeypatch.setattr(process_runner, "process_id", lambda _: 7)
    monkeypatch.setattr(process_runner, "exit_status", lambda _: 0)
    monkeypatch.setattr(process_runner.vm_usage, "usage_of", dies)
    allowed, other = (vm(description=Description(accepted_exits=[status])) for status in (0, 1))
    assert ProcessRunner().usage(allowed).source == ENDED_AS_ALLOWED
    with pytest.raises(InstanceDiedError):
        ProcessRunner().usage(other)


def test_a_tap_is_labelled():
    steps = tap.steps("abc", "tcg", "/run/featherbench", "fb-guest0")
    assert 'alias "featherbench tcg abc /run/featherbench"' in steps[1]
    assert len(tap.name_of("abc")) <= 15
    assert tap.name_of("abc") != tap.name_of("abd")
