# SPDX-License-Identifier: Apache-2.0
"""Usage is read from the kernel's files: version 1's as captured, version 2's in their format."""

from pathlib import Path

import pytest

from featherbench.system.cgroup import ControlGroup
from featherbench.system.cgroup_usage import parse_flat, parse_v1, parse_v2, reset_peak, usage_of

CAPTURED = Path(__file__).parents[2] / "data"


def captured(version):
    files = (CAPTURED / f"cgroup_v{version}").iterdir()
    return {file.name: file.read_text() for file in files}


def group_at(folder, version):
    return ControlGroup(version=version, cpu=folder, cpuacct=folder, memory=folder)


@pytest.mark.parametrize(("parse", "version"), [(parse_v1, 1), (parse_v2, 2)])
def test_a_program_that_was_throttled_and_had_read_a_file(parse, version):
    usage = parse(captured(version))
    assert usage.cpu_s == pytest.approx(0.606404, abs=1e-6)
    assert usage.throttled_s == pytest.approx(0.164588, abs=1e-6)
    assert usage.memory_current_bytes == 47_255_552
    assert usage.memory_working_set_bytes == 47_255_552 - 8_388_608
    assert usage.memory_anonymous_bytes == 38_490_112
    assert usage.memory_file_bytes == 8_388_608
    assert usage.memory_peak_bytes == 55_672_832
    assert usage.source.startswith(f"cgroup v{version}: ")
    assert "memory.stat" in usage.source


@pytest.mark.parametrize("parse", [parse_v1, parse_v2])
def test_what_the_kernel_does_not_tell_is_none(parse):
    usage = parse({})
    assert usage.cpu_s is None
    assert usage.throttled_s is None
    assert usage.memory_current_bytes is None
    assert usage.memory_working_set_bytes is None
    assert usage.memory_peak_bytes is None


def test_version_2_before_5_19_tells_no_peak():
    files = captured(2)
    del files["memory.peak"]
    usage = parse_v2(files)
    assert usage.memory_peak_bytes is None
    assert "memory.peak" not in usage.source


def test_a_working_set_is_never_negative():
    usage = parse_v2({"memory.current": "4096\n", "memory.stat": "inactive_file 8192\n"})
    assert usage.memory_working_set_bytes == 0


def test_lines_that_are_no_pairs_are_left_out():
    assert parse_flat("a 1\n\nN0=1 N1=2 3\nb 2\n") == {"a": 1, "b": 2}


@pytest.mark.parametrize("version", [1, 2])
def test_a_folder_of_the_kernels_is_read(version):
    folder = CAPTURED / f"cgroup_v{version}"
    assert usage_of(group_at(folder, version)).memory_peak_bytes == 55_672_832


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_that_is_gone_is_an_error(tmp_path, version):
    with pytest.raises(FileNotFoundError):
        usage_of(group_at(tmp_path / "gone", version))


def test_version_1_resets_its_peak(tmp_path):
    assert reset_peak(group_at(tmp_path, 1))
    assert (tmp_path / "memory.max_usage_in_bytes").read_text() == "0"


def test_version_2_does_not_claim_to_have_reset_its_peak(tmp_path):
    assert not reset_peak(group_at(tmp_path, 2))
    assert list(tmp_path.iterdir()) == []
