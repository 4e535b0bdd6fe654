# SPDX-License-Identifier: Apache-2.0
"""Whether KVM can be used, by the run of a tiny guest; vm/libvirt/requirements.py asks."""

import subprocess

import pytest

from featherbench.system.subprocesses import Completed
from featherbench.vm.libvirt import kvm_probe

ABORTED = """\
qemu-system-x86_64: error: failed to set MSR 0x10a to 0x0
qemu-system-x86_64: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.
"""
INTERNAL = "KVM internal error. Suberror: 1\nemulation failure\n"


def test_the_guest_fits_into_a_boot_sector():
    sector = kvm_probe.boot_sector()
    assert len(sector) == 512
    assert sector[-2:] == b"\x55\xaa"


def test_the_guest_is_what_its_source_says(repository, tmp_path):
    source = repository / "resources/vm/kvm_probe.S"
    given = ["-nostdlib", "-static", "-Wl,--oformat=binary,-Ttext=0x7c00,--build-id=none"]
    subprocess.run(["gcc", *given, "-o", tmp_path / "sector", source], check=True)
    assert (tmp_path / "sector").read_bytes() == kvm_probe.boot_sector()


def test_a_guest_that_ran_is_the_only_proof():
    assert kvm_probe.reason_of(85, "") == ""
    assert kvm_probe.reason_of(0, "")


@pytest.mark.parametrize(
    ("status", "said", "seen"),
    [
        (-6, ABORTED, "killed by signal 6"),
        (-6, ABORTED, "MSR 0x10a"),
        (1, INTERNAL, "KVM internal error. Suberror: 1"),
        (1, "", "said: nothing"),
    ],
)
def test_the_reason_is_reported(status, said, seen):
    told = kvm_probe.reason_of(status, said)
    assert seen in told
    assert not told.endswith("."), "it is a part of sentences"


def completed(exit_status, stderr=""):
    return Completed(
        argv=(), exit_status=exit_status, stdout="", stderr=stderr, duration_s=0, cpu_s=0
    )


@pytest.fixture
def qemu(monkeypatch):
    """What QEMU does under each accelerator, and how often it was asked."""
    answers = {"kvm": completed(85), "tcg": completed(85), "asked": []}

    def run(argv, **_limits):
        accelerator = argv[argv.index("-accel") + 1]
        answers["asked"].append(accelerator)
        if isinstance(answers[accelerator], Exception):
            raise answers[accelerator]
        return answers[accelerator]

    monkeypatch.setattr(kvm_probe.subprocesses, "run", run)
    return answers


@pytest.fixture
def device(monkeypatch, tmp_path):
    node = tmp_path / "kvm"
    node.touch()
    monkeypatch.setattr(kvm_probe, "DEVICE", node)
    return node


@pytest.mark.usefixtures("device")
def test_kvm_can_be_used_when_the_guest_ran(qemu):
    assert kvm_probe.probe() == ""
    assert qemu["asked"] == ["kvm"]


def test_without_a_device_nothing_is_run(qemu, device):
    device.unlink()
    assert "there is no" in kvm_probe.probe()
    assert qemu["asked"] == []


@pytest.mark.usefixtures("device")
def test_a_hang_is_not_usable(qemu):
    qemu["kvm"] = completed(124, INTERNAL + "EAX=00000000 EBX=00000001")
    found = kvm_probe.probe()
    assert "hung: it did not end within 5 s, and QEMU said: KVM internal error" in found
    assert "EAX" not in found


@pytest.mark.usefixtures("device")
def test_when_the_control_fails_the_fault_is_not_kvms(qemu):
    qemu["kvm"] = qemu["tcg"] = completed(1, "could not load PC BIOS")
    assert "runs no guest" in kvm_probe.probe()
    assert "could not load PC BIOS" in kvm_probe.probe()


def test_the_result_is_kept_until_the_next_boot(qemu, device, tmp_path, monkeypatch):
    memory, boot = tmp_path / "memory.json", tmp_path / "boot_id"
    monkeypatch.setattr(kvm_probe, "BOOT_ID", boot)
    monkeypatch.setattr(kvm_probe, "path_of", lambda _program: device)
    boot.write_text("one")
    qemu["kvm"] = completed(-6, ABORTED)
    first = kvm_probe.why_unusable(result_file=memory)
    assert "signal 6" in first
    qemu["kvm"] = completed(85)
    assert kvm_probe.why_unusable(result_file=memory) == first
    boot.write_text("two")
    assert kvm_probe.why_unusable(result_file=memory) == ""


def test_without_qemu_nothing_is_run(monkeypatch, tmp_path):
    monkeypatch.setattr(kvm_probe, "path_of", lambda _program: None)
    assert "missing" in kvm_probe.why_unusable(result_file=tmp_path / "memory.json")
