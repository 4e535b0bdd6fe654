# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from featherbench.inspection import collect
from featherbench.inspection.collect import parse_version
from featherbench.system import procfs
from featherbench.system.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VIRTUAL_CPU = """\
processor	: 0
vendor_id	: GenuineIntel
model name	: Intel(R) Xeon(R) Processor
microcode	: 0x1
flags		: fpu vme tsc hypervisor lahf_lm
bugs		: spectre_v1

processor	: 1
vendor_id	: GenuineIntel
model name	: Intel(R) Xeon(R) Processor
microcode	: 0x1
flags		: fpu vme tsc hypervisor lahf_lm
"""
BARE_CPU = """\
processor	: 0
model name	: Intel(R) Xeon(R) CPU E3-1284L v4 @ 2.90GHz
microcode	: 0x22
flags		: fpu vme tsc constant_tsc nonstop_tsc

processor	: 1
model name	: Intel(R) Xeon(R) CPU E3-1284L v4 @ 2.90GHz
microcode	: 0x22
flags		: fpu vme tsc constant_tsc nonstop_tsc
"""
MEMORY = """\
MemTotal:       24683656 kB
MemFree:        24198288 kB
MemAvailable:   24269508 kB
"""
HYBRID_MOUNTS = """\
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max processes             96256                96256                processes
Max open files            1024                 1048576              files
"""
LISTENING = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 010012C6:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:3FFB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 010012C6:0050 020012C6:8235 01 00000000:00000000 00:00000000 00000000     0        0 4 1
"""
LISTENING_6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:0
"""
CPU = "sys/devices/system/cpu"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    def make(**files: str) -> Path:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content + "\n")
        return tmp_path

    return make


def test_an_empty_root_tells_nothing_and_nothing_fails(tmp_path):
    assert procfs.cpu_model(tmp_path) is None
    assert procfs.cpu_count(tmp_path) is None
    assert procfs.governors(tmp_path) == ()
    assert procfs.turbo(tmp_path) is None
    assert procfs.smt(tmp_path) is None
    assert procfs.idle_states_us(tmp_path) == {}
    assert procfs.swap_used_bytes(tmp_path) is None
    assert procfs.cgroup_version(tmp_path) is None
    assert procfs.cpu_ticks(tmp_path) is None
    assert procfs.listening_ports(tmp_path, "198.18.0.1") == frozenset()


def test_cpu(tree):
    root = tree(**{"proc/cpuinfo": VIRTUAL_CPU})
    assert procfs.cpu_model(root) == "Intel(R) Xeon(R) Processor"
    assert procfs.cpu_count(root) == 2
    assert procfs.microcode(root) == "0x1"


def test_memory_is_in_bytes(tree):
    root = tree(**{"proc/meminfo": MEMORY})
    assert procfs.memory_bytes(root) == 24683656 * 1024
    assert procfs.memory_bytes(root, "MemAvailable") == 24269508 * 1024


def test_swap_counts_what_is_used_of_all_devices(tree):
    swaps = (
        "Filename\tType\tSize\tUsed\tPriority\n"
        "/dev/sda2 partition 8388604 512 -2\n/swapfile file 2097148 256 -3"
    )
    assert procfs.swap_used_bytes(tree(**{"proc/swaps": swaps})) == 768 * 1024


def test_governors_of_all_cpus_each_once(tree):
    root = tree(
        **{
            f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave",
            f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave",
            f"{CPU}/cpu10/cpufreq/scaling_governor": "performance",
        }
    )
    assert procfs.governors(root) == ("performance", "powersave")


@pytest.mark.parametrize(
    ("path", "content", "on"),
    [
        (f"{CPU}/intel_pstate/no_turbo", "0", True),
        (f"{CPU}/intel_pstate/no_turbo", "1", False),
        (f"{CPU}/cpufreq/boost", "1", True),
        (f"{CPU}/cpufreq/boost", "0", False),
    ],
)
def test_turbo_by_either_driver(tree, path, content, on):
    assert procfs.turbo(tree(**{path: content})) is on


def test_idle_states_that_are_disabled_do_not_count(tree):
    folder = f"{CPU}/cpu0/cpuidle"
    root = tree(
        **{
            f"{folder}/state0/name": "POLL",
            f"{folder}/state0/latency": "0",
            f"{folder}/state0/disable": "0",
            f"{folder}/state1/name": "C1E",
            f"{folder}/state1/latency": "10",
            f"{folder}/state1/disable": "0",
            f"{folder}/state2/name": "C6",
            f"{folder}/state2/latency": "133",
            f"{folder}/state2/disable": "1",
        }
    )
    assert procfs.idle_states_us(root) == {"POLL": 0, "C1E": 10}


def test_mitigations_leave_out_what_does_not_concern_this_cpu(tree):
    root = tree(
        **{
            f"{CPU}/vulnerabilities/meltdown": "Not affected",
            f"{CPU}/vulnerabilities/retbleed": "Vulnerable",
            f"{CPU}/vulnerabilities/spectre_v1": "Mitigation: usercopy/swapgs barriers",
        }
    )
    assert procfs.mitigations(root) == {
        "retbleed": "Vulnerable",
        "spectre_v1": "Mitigation: usercopy/swapgs barriers",
    }


def test_huge_pages_are_the_bracketed_choice(tree):
    root = tree(**{"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never"})
    assert procfs.transparent_huge_pages(root) == "madvise"


@pytest.mark.parametrize(
    ("mounts", "version"),
    [
        (HYBRID_MOUNTS, "v1 (hybrid)"),
        ("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0", "v2"),
        ("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0", "v1"),
        ("proc /proc proc rw 0 0", None),
    ],
)
def test_cgroup_version(tree, mounts, version):
    assert procfs.cgroup_version(tree(**{"proc/mounts": mounts})) == version


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"proc/cpuinfo": BARE_CPU}, "none"),
        ({"proc/cpuinfo": BARE_CPU, "sys/hypervisor/type": "xen"}, "xen"),
        ({"proc/cpuinfo": VIRTUAL_CPU}, "unknown hypervisor"),
        ({"proc/cpuinfo": VIRTUAL_CPU, "sys/class/dmi/id/sys_vendor": "QEMU"}, "qemu"),
        ({"proc/cpuinfo": VIRTUAL_CPU, "sys/class/dmi/id/product_name": "KVM"}, "kvm"),
    ],
)
def test_virtualization(tree, files, name):
    assert procfs.virtualization(tree(**files)) == name


def test_ticks_leave_out_guest_time_which_user_time_has_already(tree):
    root = tree(**{"proc/stat": "cpu  5049 0 2575 272956 537 0 90 24 1000 0\ncpu0 1 2 3"})
    assert procfs.cpu_ticks(root) == (24, 5049 + 2575 + 272956 + 537 + 90 + 24)


def test_limits(tree):
    assert procfs.open_file_limits(tree(**{"proc/self/limits": LIMITS})) == (1024, 1048576)


def test_ports_are_taken_where_the_address_reaches_a_listener(tree):
    root = tree(**{"proc/net/tcp": LISTENING, "proc/net/tcp6": LISTENING_6})
    assert procfs.listening_ports(root, "198.18.0.1") == {18080, 22, 8080}
    assert procfs.listening_ports(root, "127.0.0.1") == {16379, 22, 8080}


def test_a_sysctl_of_several_numbers_is_one_line(tree):
    root = tree(**{"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999"})
    assert procfs.sysctl(root, "net.ipv4.ip_local_port_range") == "32768 60999"
    assert procfs.sysctl(root, "net.no.such") is None


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


def test_the_fingerprint_follows_stable_facts_only(tree):
    files = {
        "proc/cpuinfo": BARE_CPU,
        "proc/meminfo": MEMORY,
        "proc/sys/kernel/osrelease": "6.1.0-28-amd64",
        "proc/loadavg": "0.00 0.00 0.00 1/108 9147",
    }
    first = fingerprint(tree(**files))
    assert first == fingerprint(tree(**{"proc/loadavg": "7.00 5.00 3.00 1/108 1"}))
    a_page_less = MEMORY.replace("24683656", "24683652")
    assert first == fingerprint(tree(**{"proc/meminfo": a_page_less}))
    assert first != fingerprint(tree(**{"proc/cpuinfo": VIRTUAL_CPU}))
    tree(**{"proc/cpuinfo": BARE_CPU})
    assert first == fingerprint(tree())
    assert first != fingerprint(tree(**{"proc/sys/kernel/osrelease": "6.1.0-29-amd64"}))


def test_the_record_of_an_unknown_machine_can_be_read_back(tmp_path):
    record = collect.collect(checkout=tmp_path, technologies={}, findings=(), root=tmp_path)
    assert record.cpu_model is None
    assert record.git_commit is None
    record.write(tmp_path / "machine.json")
    assert collect.MachineRecord.read(tmp_path / "machine.json") == record


@pytest.mark.parametrize(
    ("written", "cpus"), [("0-3,8", {0, 1, 2, 3, 8}), ("5\n", {5}), ("", set()), ("1,3", {1, 3})]
)
def test_sets_of_cpus_are_read(written, cpus):
    assert procfs.parse_cpu_list(written) == cpus


def test_the_threads_of_a_core_are_found(tmp_path):
    topology = tmp_path / "sys/devices/system/cpu/cpu1/topology"
    topology.mkdir(parents=True)
    (topology / "thread_siblings_list").write_text("1,5\n")
    assert procfs.core_of(tmp_path, 1) == {1, 5}
    assert procfs.core_of(tmp_path, 2) == {2}
