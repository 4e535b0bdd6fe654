# SPDX-License-Identifier: Apache-2.0
"""What a guest has used, from files of a real QEMU."""

import json
from pathlib import Path

import pytest

from featherbench.errors import InstanceDiedError
from featherbench.system.procfs import parse_sizes
from featherbench.vm.libvirt import vm_usage

CAPTURED = Path(__file__).parents[3] / "data/vm"
STATS = json.loads((CAPTURED / "memory_stats.json").read_text())


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A /proc with one QEMU, whose threads for packets are the kernel's, as before Linux 6.4."""
    monkeypatch.setattr(vm_usage, "PROC", tmp_path)
    (tmp_path / "77").mkdir()
    for name in ("stat", "status", "smaps_rollup"):
        content = (CAPTURED / f"qemu_{name}.txt").read_text()
        (tmp_path / "77" / name).write_text(content)
    (tmp_path / "77/comm").write_text("qemu-system-x86\n")
    return tmp_path


def test_the_memory_of_qemu_and_of_the_guest_are_separate(proc):
    usage = vm_usage.usage_of(77, STATS)
    rollup = parse_sizes((proc / "77/smaps_rollup").read_text())
    assert usage.cpu_s > 1
    assert usage.memory_current_bytes == rollup["Rss"] > usage.memory_working_set_bytes
    assert usage.memory_anonymous_bytes + usage.memory_file_bytes <= usage.memory_working_set_bytes
    assert usage.memory_peak_bytes >= usage.memory_current_bytes
    assert 0 < usage.guest_used_bytes < usage.memory_current_bytes
    assert usage.throttled_s is None


def test_threads_that_move_packets_count(proc):
    before = vm_usage.usage_of(77, STATS).cpu_s
    (proc / "99").mkdir()
    (proc / "99/comm").write_text("vhost-77\n")
    (proc / "99/stat").write_text("99 (vhost-77) S 2 0 0 0 0 0 0 0 0 0 0 250 0 0 0 0 0 0 0")
    assert vm_usage.usage_of(77, STATS).cpu_s == pytest.approx(before + 2.5)


@pytest.mark.usefixtures("proc")
def test_the_memory_of_a_guest_that_has_not_reported_is_unknown():
    assert vm_usage.usage_of(77, {"actual": 524288, "rss": 1}).guest_used_bytes is None


@pytest.mark.usefixtures("proc")
def test_a_process_that_is_gone_is_an_error_and_has_no_peak_to_reset():
    with pytest.raises(InstanceDiedError):
        vm_usage.usage_of(78, STATS)
    assert vm_usage.reset_peak(78) is False


def test_a_process_that_ends_meanwhile_is_gone(proc):
    """One that has ended, and whose parent has not been told yet, holds no memory."""
    (proc / "77/status").write_text("Name:\tqemu-system-x86\nState:\tZ (zombie)\n")
    with pytest.raises(InstanceDiedError):
        vm_usage.usage_of(77, STATS)
