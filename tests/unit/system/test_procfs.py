# SPDX-License-Identifier: Apache-2.0
"""Readers and parsers of /proc and /sys, on captured trees."""

import pytest

from builders import DATA, write_tree
from featherbench.system import procfs
from featherbench.system.procfs import CpuTicks, ProcessStat

CPU = "sys/devices/system/cpu"
CAPTURED = {file.name: file.read_text() for file in (DATA / "procfs").iterdir()}
VIRTUAL = {"proc/cpuinfo": CAPTURED["cpuinfo_virtual"]}
BARE = {"proc/cpuinfo": CAPTURED["cpuinfo_bare"]}
MEMINFO = {"proc/meminfo": CAPTURED["meminfo"]}


@pytest.mark.parametrize(
    ("reader", "nothing"),
    [
        *((getattr(procfs, name), None) for name in ("cpu_model", "cpu_count", "turbo", "smt")),
        *((getattr(procfs, name), None) for name in ("swap_used_bytes", "cgroup_version")),
        (procfs.cpu_ticks, None),
        (procfs.governors, ()),
        (procfs.idle_states_us, {}),
        (lambda root: procfs.listening_ports(root, "198.18.0.1"), frozenset()),
    ],
)
def test_an_empty_root_tells_nothing_and_nothing_fails(tmp_path, reader, nothing):
    assert reader(tmp_path) == nothing


def cpu_files(**files):
    return {f"{CPU}/{path.replace('__', '/')}": content for path, content in files.items()}


@pytest.mark.parametrize(
    ("reader", "expected", "files"),
    [
        (procfs.cpu_model, "Intel(R) Xeon(R) Processor", VIRTUAL),
        (procfs.cpu_count, 2, VIRTUAL),
        (procfs.microcode, "0x1", VIRTUAL),
        (procfs.memory_bytes, 24683656 * 1024, MEMINFO),
        (lambda root: procfs.memory_bytes(root, "MemAvailable"), 24269508 * 1024, MEMINFO),
        (procfs.swap_used_bytes, 768 * 1024, {"proc/swaps": CAPTURED["swaps"]}),
        (
            procfs.governors,
            ("performance", "powersave"),
            cpu_files(
                cpu0__cpufreq__scaling_governor="powersave",
                cpu1__cpufreq__scaling_governor="powersave",
                cpu10__cpufreq__scaling_governor="performance",
            ),
        ),
        (procfs.turbo, True, cpu_files(intel_pstate__no_turbo="0")),
        (procfs.turbo, False, cpu_files(intel_pstate__no_turbo="1")),
        (procfs.turbo, True, cpu_files(cpufreq__boost="1")),
        (procfs.turbo, False, cpu_files(cpufreq__boost="0")),
        (
            procfs.idle_states_us,  # one that is disabled does not count
            {"POLL": 0, "C1E": 10},
            cpu_files(
                cpu0__cpuidle__state0__name="POLL",
                cpu0__cpuidle__state0__latency="0",
                cpu0__cpuidle__state0__disable="0",
                cpu0__cpuidle__state1__name="C1E",
                cpu0__cpuidle__state1__latency="10",
                cpu0__cpuidle__state1__disable="0",
                cpu0__cpuidle__state2__name="C6",
                cpu0__cpuidle__state2__latency="133",
                cpu0__cpuidle__state2__disable="1",
            ),
        ),
        (
            procfs.mitigations,
            {"retbleed": "Vulnerable", "spectre_v1": "Mitigation: usercopy/swapgs barriers"},
            cpu_files(
                vulnerabilities__meltdown="Not affected",
                vulnerabilities__retbleed="Vulnerable",
                vulnerabilities__spectre_v1="Mitigation: usercopy/swapgs barriers",
            ),
        ),
        (
            procfs.transparent_huge_pages,
            "madvise",
            {"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never"},
        ),
        (procfs.cgroup_version, "v1 (hybrid)", {"proc/mounts": CAPTURED["mounts_hybrid"]}),
        (procfs.cgroup_version, "v2", {"proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"}),
        (procfs.cgroup_version, "v1", {"proc/mounts": "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0"}),
        (procfs.cgroup_version, None, {"proc/mounts": "proc /proc proc rw 0 0"}),
        (procfs.virtualization, "none", BARE),
        (procfs.virtualization, "xen", BARE | {"sys/hypervisor/type": "xen"}),
        (procfs.virtualization, "unknown hypervisor", VIRTUAL),
        (procfs.virtualization, "qemu", VIRTUAL | {"sys/class/dmi/id/sys_vendor": "QEMU"}),
        (procfs.virtualization, "kvm", VIRTUAL | {"sys/class/dmi/id/product_name": "KVM"}),
        (procfs.open_file_limits, (1024, 1048576), {"proc/self/limits": CAPTURED["limits"]}),
    ],
)
def test_a_fact_is_read(tree, reader, expected, files):
    assert reader(tree(**files)) == expected


def test_ticks_leave_out_guest_time_which_user_time_has_already(tree):
    root = tree(**{"proc/stat": "cpu  5049 0 2575 272956 537 0 90 24 1000 0\ncpu0 1 2 3"})
    ticks = procfs.cpu_ticks(root)
    assert (ticks.steal, ticks.total) == (24, 5049 + 2575 + 272956 + 537 + 90 + 24)


def test_ports_are_taken_where_the_address_reaches_a_listener(tree):
    root = tree(**{f"proc/net/{name}": CAPTURED[f"net_{name}"] for name in ("tcp", "tcp6")})
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
    assert procfs.parse_cpu_ticks(CAPTURED["stat"]) == {
        0: CpuTicks(busy=174, steal=10, total=709, processes=151),
        1: CpuTicks(busy=265, steal=1, total=791, processes=251),
    }


def test_swapped_pages_are_those_that_went_in_and_out():
    assert procfs.parse_swapped_pages("nr_free_pages 9\npswpin 3\npswpout 40\nzswpin 5\n") == 43


def test_the_allowed_cpus_are_parsed():
    status = "Name:\tpython\nCpus_allowed:\t0b\nCpus_allowed_list:\t0-1,3\n"
    assert procfs.parse_allowed_cpus(status) == {0, 1, 3}
    assert procfs.parse_allowed_cpus("") == frozenset()


def test_a_process_stat_is_parsed_whatever_the_programs_name():
    assert procfs.parse_process_stat(CAPTURED["self_stat"]) == ProcessStat(
        state="S", parent=4242, cpu_ticks=3, started_ticks=123456
    )


@pytest.mark.parametrize(
    ("before", "after", "fraction"),
    [((5, 1000), (6, 1100), 0.01), ((5, 1000), (5, 1000), 0.0), ((0, 0), (0, 0), 0.0)],
)
def test_the_steal_fraction_is_of_the_time_between(before, after, fraction):
    first, second = (CpuTicks(busy=0, steal=steal, total=total) for steal, total in (before, after))
    assert (second - first).steal_fraction == fraction


def capacities(*values):
    return {f"{CPU}/cpu{cpu}/cpu_capacity": f"{value}\n" for cpu, value in enumerate(values)}


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        # Core i7-1260P, and the same CPU without its counters, from Linux 6.12
        (
            {"sys/devices/cpu_core/cpus": "0-7\n", "sys/devices/cpu_atom/cpus": "8-15\n"},
            [set(range(8)), set(range(8, 16))],
        ),
        (capacities(1009, 1024, 623, 623), [{0, 1}, {2, 3}]),
        # RK3399, Snapdragon 8cx, Raspberry Pi 5, a server
        (capacities(485, 485, 485, 485, 1024, 1024), [{4, 5}, {0, 1, 2, 3}]),
        (capacities(325, 325, 871, 871, 1024), [{4}, {2, 3}, {0, 1}]),
        (capacities(1024, 1024, 1024, 1024), []),
        ({"sys/devices/cpu_core/cpus": "0-7\n"}, []),
        ({}, []),
    ],
)
def test_kinds_of_cpus_are_told_apart_the_fastest_first(tmp_path, files, kinds):
    write_tree(tmp_path, **files)
    assert procfs.cpu_kinds(tmp_path) == kinds
