# SPDX-License-Identifier: Apache-2.0
"""Readers and parsers of /proc and /sys, on captured trees."""

import pytest

from featherbench.system import procfs
from featherbench.system.procfs import CpuTicks, ProcessStat

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
STAT = """\
cpu  300 2 100 1000 50 7 30 11 20 0
cpu0 100 1 50 500 25 3 20 10 20 0
cpu1 200 1 50 500 25 4 10 1 0 0
intr 12345 0 9
ctxt 987
"""
PROCESS_STAT = (
    "4711 (a) strange (name)) S 4242 4711 4711 0 -1 4194560 2563 13187 0 0 2 1 9 6 20 0 1 0 "
    "123456 10510336 1339 18446744073709551615 1 1 0 0 0 0 65536 4 65538 0 0 0 17 1 0 0 0 0 0"
)
CPU = "sys/devices/system/cpu"


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
    ticks = procfs.cpu_ticks(root)
    assert (ticks.steal, ticks.total) == (24, 5049 + 2575 + 272956 + 537 + 90 + 24)


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
    ("written", "cpus"), [("0-3,8", {0, 1, 2, 3, 8}), ("5\n", {5}), ("", set()), ("1,3", {1, 3})]
)
def test_sets_of_cpus_are_read(written, cpus):
    assert procfs.parse_cpu_list(written) == cpus


def test_the_columns_of_single_cpus_are_parsed_and_guests_are_not_counted_twice():
    assert procfs.parse_cpu_ticks(STAT) == {
        0: CpuTicks(busy=174, steal=10, total=709),
        1: CpuTicks(busy=265, steal=1, total=791),
    }


def test_swapped_pages_are_those_that_went_in_and_out():
    assert procfs.parse_swapped_pages("nr_free_pages 9\npswpin 3\npswpout 40\nzswpin 5\n") == 43


def test_the_allowed_cpus_are_parsed():
    status = "Name:\tpython\nCpus_allowed:\t0b\nCpus_allowed_list:\t0-1,3\n"
    assert procfs.parse_allowed_cpus(status) == {0, 1, 3}
    assert procfs.parse_allowed_cpus("") == frozenset()


def test_a_process_stat_is_parsed_whatever_the_programs_name():
    assert procfs.parse_process_stat(PROCESS_STAT) == ProcessStat(
        state="S", parent=4242, cpu_ticks=3, started_ticks=123456
    )


def test_the_cpu_model_is_parsed_from_the_first_entry():
    assert procfs.parse_cpuinfo(VIRTUAL_CPU, "model name") == "Intel(R) Xeon(R) Processor"
    assert procfs.parse_cpuinfo("", "model name") is None


@pytest.mark.parametrize(
    ("before", "after", "fraction"),
    [((5, 1000), (6, 1100), 0.01), ((5, 1000), (5, 1000), 0.0), ((0, 0), (0, 0), 0.0)],
)
def test_the_steal_fraction_is_of_the_time_between(before, after, fraction):
    first, second = (CpuTicks(busy=0, steal=steal, total=total) for steal, total in (before, after))
    assert (second - first).steal_fraction == fraction
