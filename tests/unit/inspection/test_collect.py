# SPDX-License-Identifier: Apache-2.0
"""The machine record, and the versions of the tools in it."""

import pytest

from featherbench.inspection import collect
from featherbench.system.programs import parse_version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", "4.1.0-3+b2"),
        ("wrk 4.2.0 [epoll] Copyright (C) 2012 Will Glozer", "4.2.0"),
        ("h2load nghttp2/1.52.0", "1.52.0"),
        ("redis-benchmark 7.0.15", "7.0.15"),
        ("redis-benchmark 6.0.16 (git:a0b1c2d3)", "6.0.16"),
        ("ping from iputils 20221126\nlibcap: yes", "20221126"),
        ("ping from iputils s20161105", "s20161105"),
        ("ip utility, iproute2-6.1.0, libbpf 1.1.2", "6.1.0"),
        ("ip utility, iproute2-5.15.0, libbpf 0.5.0", "5.15.0"),
        ("iptables v1.8.9 (nf_tables)", "1.8.9"),
        ("dot - graphviz version 2.43.0 (0)", "2.43.0"),
        ("12.2.0", "12.2.0"),
        ("no version at all", None),
    ],
)
def test_versions_of_tools(output, version):
    assert parse_version(output) == version


def test_the_record_of_an_unknown_machine_can_be_read_back(tmp_path):
    record = collect.collect(checkout=tmp_path, technologies={}, findings=(), root=tmp_path)
    assert record.cpu_model is None
    assert record.git_commit is None
    record.write(tmp_path / "machine.json")
    assert collect.MachineRecord.read(tmp_path / "machine.json") == record
