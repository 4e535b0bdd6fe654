# SPDX-License-Identifier: Apache-2.0
"""Readers of /proc and /sys, and parsers of their files; see proc(5) and sysfs(5).

Every reader takes the folder that holds `proc`, `sys` and `etc`, so that a captured tree can
stand in for a machine. A reader returns None (or nothing) where the kernel does not say. Parsers
take a file's content, so that they serve other machines as well (`system/machine.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from featherbench.units import KIB

HYPERVISORS = {
    "KVM": "kvm",
    "QEMU": "qemu",
    "VMware": "vmware",
    "VirtualBox": "virtualbox",
    "innotek": "virtualbox",
    "Microsoft Corporation": "hyperv",
    "Amazon EC2": "amazon",
    "Google": "google",
    "Xen": "xen",
    "OpenStack": "openstack",
    "Bochs": "bochs",
    "Parallels": "parallels",
}
"""By the words in the names that the firmware of virtual machines has."""
CPU, CLOCK = "sys/devices/system/cpu", "sys/devices/system/clocksource/clocksource0"
COLUMNS_COUNTED = 8
"""Of the columns of /proc/stat; `guest` and `guest_nice` are in `user` and `nice` already."""
SWAP_COUNTERS = {"pswpin", "pswpout"}
SAME_KIND = 0.9
LISTENING = "0A"
"""TCP_LISTEN in the column `st` of /proc/net/tcp."""
LISTENING_UNIX = re.compile(r"^\S+: \S+ \S+ 00010000 \S+ \S+ \S+ (/.+)$", re.MULTILINE)
"""A row of /proc/net/unix with the flag __SO_ACCEPTCON, and its path."""


@dataclass(frozen=True, kw_only=True)
class CpuTicks:
    """What a CPU did since the machine started, in ticks of the kernel's USER_HZ."""

    busy: int
    steal: int
    total: int
    processes: int = 0
    """The part of `busy` that is not for interrupts."""

    def __sub__(self, earlier: CpuTicks) -> CpuTicks:
        return CpuTicks(
            busy=self.busy - earlier.busy,
            steal=self.steal - earlier.steal,
            total=self.total - earlier.total,
            processes=self.processes - earlier.processes,
        )

    @property
    def steal_fraction(self) -> float:
        """The part of the time that the hypervisor gave to others."""
        return self.steal / self.total if self.total > 0 else 0.0


class ProcessStat(NamedTuple):
    """The fields of /proc/PID/stat that are used here."""

    state: str
    parent: int
    cpu_ticks: int
    """User and system time."""
    started_ticks: int
    major_faults: int = 0


def parse_cpu_ticks(stat: str) -> dict[int, CpuTicks]:
    """Parse the lines of the single CPUs of /proc/stat."""
    lines = re.findall(r"^cpu(\d+) (.*)$", stat, re.MULTILINE)
    return {int(cpu): _ticks(columns) for cpu, columns in lines}


def _ticks(columns: str) -> CpuTicks:
    counted = [int(ticks) for ticks in columns.split()[:COLUMNS_COUNTED]]
    user, nice, system, idle, iowait, _, _, steal = counted
    total = sum(counted)
    return CpuTicks(
        busy=total - idle - iowait - steal,
        steal=steal,
        total=total,
        processes=user + nice + system,
    )


def parse_swapped_pages(vmstat: str) -> int:
    """Parse from /proc/vmstat how many pages went in and out of swap since the start."""
    rows = (line.split() for line in vmstat.splitlines())
    return sum(int(value) for name, value in rows if name in SWAP_COUNTERS)


def parse_cpu_list(cpu_list: str) -> frozenset[int]:
    """Parse the kernel's notation of CPU sets, such as `0-3,8`."""
    cpus: set[int] = set()
    for part in cpu_list.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def parse_allowed_cpus(status: str) -> frozenset[int]:
    """Parse from /proc/PID/status the CPUs that the process may use."""
    match = re.search(r"^Cpus_allowed_list:\s*(\S+)$", status, re.MULTILINE)
    return parse_cpu_list(match[1]) if match else frozenset()


CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24}
"""The bits of linux/capability.h, as far as they are used."""


def capabilities(root: Path) -> frozenset[str]:
    """Return which of CAPABILITIES this process has; root has few in a container."""
    match = re.search(r"^CapEff:\s*(\w+)$", text(root, "proc/self/status") or "", re.MULTILINE)
    bits = int(match[1], 16) if match else 0
    return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)


def parse_state(status: str) -> str:
    """Parse the letter of a process's state from /proc/PID/status; empty if it is gone."""
    match = re.search(r"^State:\s*(\S)", status, re.MULTILINE)
    return match[1] if match else ""


def parse_tracer(status: str) -> int:
    """Parse from /proc/PID/status the thread that traces the process; 0: none does."""
    match = re.search(r"^TracerPid:\s*(\d+)$", status, re.MULTILINE)
    return int(match[1]) if match else 0


def parse_stalled_s(pressure: str) -> float:
    """Parse from a file of /proc/pressure how long some program has waited since the start."""
    match = re.search(r"^some .*total=(\d+)", pressure, re.MULTILINE)
    return int(match[1]) / 1e6 if match else 0.0


def parse_process_stat(stat: str) -> ProcessStat:
    """Parse /proc/PID/stat. The program's name may have spaces and parentheses in it."""
    fields = stat.rpartition(")")[2].split()
    return ProcessStat(
        state=fields[0],
        parent=int(fields[1]),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        started_ticks=int(fields[19]),
        major_faults=int(fields[9]),
    )


def parse_sizes(lines: str) -> dict[str, int]:
    """Parse the lines `Name: 12 kB` of meminfo, PID/status or PID/smaps_rollup, in bytes."""
    rows = re.findall(r"^(\S+):\s+(\d+) kB$", lines, re.MULTILINE)
    return {name: int(kib) * KIB for name, kib in rows}


def parse_used_memory_bytes(meminfo: str) -> int | None:
    """Parse from /proc/meminfo what the kernel could not give to new programs."""
    sizes = parse_sizes(meminfo)
    if "MemTotal" not in sizes or "MemAvailable" not in sizes:
        return None
    return sizes["MemTotal"] - sizes["MemAvailable"]


def parse_open_file_limits(limits: str) -> tuple[str, str]:
    """Parse the soft and the hard limit of open files from /proc/PID/limits."""
    match = re.search(r"^Max open files\s+(\S+)\s+(\S+)", limits, re.MULTILINE)
    assert match is not None, "every kernel limits the number of open files"
    return match[1], match[2]


def parse_cpuinfo(cpuinfo: str, *keys: str) -> str | None:
    """Parse the first of `keys` in /proc/cpuinfo; ARM has other keys than x86."""
    for key in keys:
        if match := re.search(rf"^{key}\s*:\s*(.+)$", cpuinfo, re.MULTILINE):
            return match[1].strip()
    return None


def one_line(value: str) -> str:
    """Return a sysctl's value with one space between its numbers; the kernel uses tabs."""
    return " ".join(value.split())


def text(root: Path, path: str) -> str | None:
    """Return a file's content without the white space around it; None if it cannot be read."""
    try:
        return (root / path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def texts(root: Path, pattern: str) -> dict[str, str]:
    """Map the names of the files that match `pattern`, below `root`, to their content."""
    contents = {str(file.relative_to(root)): text(root, str(file)) for file in root.glob(pattern)}
    return {name: content for name, content in sorted(contents.items()) if content is not None}


def sysctl_file(name: str) -> str:
    """Return the path of a sysctl's file, relative to the root."""
    return "proc/sys/" + name.replace(".", "/")


def sysctl(root: Path, name: str) -> str | None:
    """Return a sysctl's value as one line, with one space between its numbers."""
    value = text(root, sysctl_file(name))
    return None if value is None else one_line(value)


def _cpuinfo(root: Path, *, keys: tuple[str, ...]) -> str | None:
    return parse_cpuinfo(text(root, "proc/cpuinfo") or "", *keys)


def _is(root: Path, *, path: str, value: str) -> bool | None:
    """Return whether a file has that value."""
    actual = text(root, path)
    return None if actual is None else actual == value


cpu_model = partial(_cpuinfo, keys=("model name", "Model", "Hardware", "CPU part"))
"""Return the name of the CPU."""
microcode = partial(_cpuinfo, keys=("microcode", "CPU revision"))
"""Return the revision of the CPU's microcode."""
smt = partial(_is, path=f"{CPU}/smt/active", value="1")
"""Return whether two of the CPUs may be threads of one core."""
same_page_merging = partial(_is, path="sys/kernel/mm/ksm/run", value="1")
"""Return whether the kernel merges equal pages (KSM)."""
kernel_release = partial(sysctl, name="kernel.osrelease")
"""Return what `uname -r` prints."""
clock_source = partial(text, path=f"{CLOCK}/current_clocksource")
"""Return the name of the clock that the kernel reads."""


def cpu_count(root: Path) -> int | None:
    """Return the number of CPUs that are online."""
    cpuinfo = text(root, "proc/cpuinfo") or ""
    return len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or None


def cpu_kinds(root: Path) -> list[frozenset[int]]:
    """Return the CPUs of each kind, the fastest first; none where the kernel tells of one kind.

    Intel's kinds have a performance counter each (cpu_core, cpu_atom). Others differ in capacity,
    of 1024; cores of one kind differ by a few per cent, as the maker has sorted them.
    """
    lists = [text(root, f"sys/devices/cpu_{name}/cpus") for name in ("core", "atom", "lowpower")]
    named = [cpus for cpus in map(parse_cpu_list, filter(None, lists)) if cpus]
    if len(named) > 1:
        return named
    files = texts(root, f"{CPU}/cpu[0-9]*/cpu_capacity")
    capacities = sorted(
        ((int(capacity), int(path.split("/")[-2][3:])) for path, capacity in files.items()),
        reverse=True,
    )
    kinds: list[set[int]] = []
    fastest = 0
    for capacity, cpu in capacities:
        if not kinds or capacity < SAME_KIND * fastest:
            kinds.append(set())
            fastest = capacity
        kinds[-1].add(cpu)
    return [frozenset(kind) for kind in kinds] if len(kinds) > 1 else []


def operating_system(root: Path) -> str | None:
    """Return the distribution's name and version."""
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', text(root, "etc/os-release") or "", re.MULTILINE)
    return match[1] if match else None


def memory_bytes(root: Path, key: str = "MemTotal") -> int | None:
    """Return one line of /proc/meminfo in bytes."""
    return parse_sizes(text(root, "proc/meminfo") or "").get(key)


def swap_used_bytes(root: Path) -> int | None:
    """Return how much of the swap is in use; 0 without swap."""
    swaps = text(root, "proc/swaps")
    if swaps is None:
        return None
    return sum(int(line.split()[3]) for line in swaps.splitlines()[1:]) * KIB


def governors(root: Path) -> tuple[str, ...]:
    """Return the frequency governors in use, without duplicates."""
    in_use = texts(root, f"{CPU}/cpu[0-9]*/cpufreq/scaling_governor")
    return tuple(sorted(set(in_use.values())))


def turbo(root: Path) -> bool | None:
    """Return whether the CPU may run faster than its nominal frequency."""
    intel = _is(root, path=f"{CPU}/intel_pstate/no_turbo", value="0")
    return _is(root, path=f"{CPU}/cpufreq/boost", value="1") if intel is None else intel


def idle_states_us(root: Path) -> dict[str, int]:
    """Map the idle states that the first CPU may enter to their exit latency in microseconds."""
    folder = f"{CPU}/cpu0/cpuidle"
    states = {}
    for path, name in texts(root, f"{folder}/state*/name").items():
        state = path.removesuffix("/name")
        latency_us = text(root, f"{state}/latency")
        if latency_us is not None and text(root, f"{state}/disable") != "1":
            states[name] = int(latency_us)
    return states


def mitigations(root: Path) -> dict[str, str]:
    """Map the vulnerabilities of this CPU to what the kernel does about them."""
    states = texts(root, f"{CPU}/vulnerabilities/*")
    return {
        path.rsplit("/", 1)[-1]: state for path, state in states.items() if state != "Not affected"
    }


def transparent_huge_pages(root: Path) -> str | None:
    """Return the choice in force: `always`, `madvise` or `never`."""
    choices = text(root, "sys/kernel/mm/transparent_hugepage/enabled") or ""
    match = re.search(r"\[(\w+)\]", choices)
    return match[1] if match else None


def cgroup_version(root: Path) -> str | None:
    """Return `v1`, `v2`, or `v1 (hybrid)` where v2 is mounted without its controllers."""
    mounts = text(root, "proc/mounts") or ""
    kinds = {line.split()[2] for line in mounts.splitlines() if " /sys/fs/cgroup" in line}
    if "cgroup" in kinds:
        return "v1 (hybrid)" if "cgroup2" in kinds else "v1"
    return "v2" if "cgroup2" in kinds else None


def virtualization(root: Path) -> str:
    """Return `none` on bare metal, else the hypervisor's name, or `unknown hypervisor`."""
    if "hypervisor" not in (_cpuinfo(root, keys=("flags",)) or "").split():
        return "xen" if text(root, "sys/hypervisor/type") == "xen" else "none"
    firmware = " ".join(
        text(root, f"sys/class/dmi/id/{field}") or ""
        for field in ("sys_vendor", "product_name", "bios_vendor")
    )
    known = (name for word, name in HYPERVISORS.items() if word in firmware)
    return next(known, "unknown hypervisor")


def load_average(root: Path) -> float | None:
    """Return the load average of the last minute."""
    averages = text(root, "proc/loadavg")
    return float(averages.split()[0]) if averages else None


def cpu_ticks(root: Path) -> CpuTicks | None:
    """Return what all CPUs together did since the machine started."""
    label, _, columns = (text(root, "proc/stat") or "").partition("\n")[0].partition(" ")
    return _ticks(columns) if label == "cpu" else None


def open_file_limits(root: Path) -> tuple[int, int] | None:
    """Return this process's soft and hard limit of open files."""
    limits = text(root, "proc/self/limits")
    if limits is None:
        return None
    soft, hard = parse_open_file_limits(limits)
    return (int(soft), int(hard)) if soft.isdigit() and hard.isdigit() else None


def listening_sockets(root: Path) -> list[str]:
    """Return the paths of the Unix sockets where something listens; a file may be dead."""
    return LISTENING_UNIX.findall(text(root, "proc/net/unix") or "")


def listening_ports(root: Path, address: str) -> frozenset[int]:
    """Return the TCP ports on which something listens that `address` would reach."""
    tables = [text(root, f"proc/net/{table}") or "" for table in ("tcp", "tcp6")]
    little_endian = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    reaching = {little_endian, "0" * 8, "0" * 32}
    ports = set()
    for line in "\n".join(tables).splitlines():
        fields = line.split()
        if fields[3:4] == [LISTENING]:
            local, _, port = fields[1].partition(":")
            if local in reaching:
                ports.add(int(port, 16))
    return frozenset(ports)
