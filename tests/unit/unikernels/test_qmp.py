# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor: the state of its guest."""

import json
import socket
import threading

import pytest

from featherbench.unikernels import qmp

HALTED = "EIP=00100214 EFL=00000006 [-----P-] CPL=0 II=0 A20=1 SMM=0 HLT=1"


@pytest.mark.parametrize(
    ("registers", "dead"),
    [
        (HALTED, True),
        (HALTED.replace("EFL=00000006", "EFL=00000206"), False),
        (HALTED.replace("HLT=1", "HLT=0"), False),
        ("RIP=0000 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1", True),
        ("", False),
    ],
    ids=["halted for good", "halted until an interrupt", "running", "64 bits", "nothing"],
)
def test_a_dead_processor_is_distinguished_from_a_sleeping_one(registers, dead):
    assert qmp.parse_is_dead(registers) is dead


@pytest.fixture
def qemu():
    """A monitor that says the lines it is given: greeting, then one for each question."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind("\0featherbench-unit-monitor")
        listener.listen()
        lines = []

        def serve():
            plug, _ = listener.accept()
            with plug, plug.makefile("rwb") as stream:
                stream.write(b'{"QMP": {}}\n')
                stream.flush()
                stream.readline()
                stream.write(b'{"return": {}}\n')
                stream.flush()
                for line in lines:
                    stream.readline()
                    stream.write(line.encode() + b"\n")
                    stream.flush()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield lines.append


@pytest.mark.parametrize("status", ["running", "internal-error", "guest-panicked"])
def test_the_status_of_the_guest_is_queried(qemu, status):
    event, answer = {"event": "NIC_RX_FILTER_CHANGED"}, {"return": {"status": status}}
    qemu(f"{json.dumps(event)}\n{json.dumps(answer)}")
    assert qmp.status("featherbench-unit") == status


@pytest.mark.usefixtures("qemu")
def test_a_qemu_that_ends_meanwhile_is_silent():
    assert qmp.status("featherbench-unit") == qmp.SILENT


def test_a_qemu_that_does_not_exist_is_silent():
    assert qmp.status("featherbench-nobody") == qmp.SILENT
