# SPDX-License-Identifier: Apache-2.0
"""The machine as its kernel describes it: readers of /proc and /sys below any root.

Every reader takes the folder that holds `proc`, `sys` and `etc`, so that a captured tree can
stand in for a machine. A reader returns None (or nothing) where the kernel does not tell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KIB_BYTES = 1024
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
"""What the firmware of virtual machines calls itself."""


def text(root: Path, path: str) -> str | None:
    """Give a file's content without the white space around it; None where it cannot be read."""
    try:
        return (root / path).read_text(errors="replace").strip()
    except OSError:
        return None


def texts(root: Path, pattern: str) -> dict[str, str]:
    """Map the names of the files that match `pattern`, below `root`, to their content."""
    found = {str(file.relative_to(root)): text(root, str(file)) for file in root.glob(pattern)}
    return {name: content for name, content in sorted(found.items()) if content is not None}


def sysctl(root: Path, name: str) -> str | None:
    """Give a sysctl's value as one line, numbers separated by one blank."""
    found = text(root, "proc/sys/" + name.replace(".", "/"))
    return None if found is None else " ".join(found.split())


def _cpuinfo(root: Path, *keys: str) -> str | None:
    """Give the first of `keys` that /proc/cpuinfo has; ARM calls things otherwise than x86."""
    content = text(root, "proc/cpuinfo") or ""
    for key in keys:
        if found := re.search(rf"^{key}\s*:\s*(.+)$", content, re.MULTILINE):
            return found[1].strip()
    return None


def cpu_model(root: Path) -> str | None:
    """Give the name of the CPU."""
    return _cpuinfo(root, "model name", "Model", "Hardware", "CPU part")


def microcode(root: Path) -> str | None:
    """Give the revision of the CPU's microcode."""
    return _cpuinfo(root, "microcode", "CPU revision")


def cpu_count(root: Path) -> int | None:
    """Give the number of CPUs that are on line."""
    return (
        len(re.findall(r"^processor\s*:", text(root, "proc/cpuinfo") or "", re.MULTILINE)) or None
    )


def kernel_release(root: Path) -> str | None:
    """Give what `uname -r` says."""
    return sysctl(root, "kernel.osrelease")


def operating_system(root: Path) -> str | None:
    """Give the distribution's name and version."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', text(root, "etc/os-release") or "", re.MULTILINE)
    return found[1] if found else None


def memory_bytes(root: Path, key: str = "MemTotal") -> int | None:
    """Give one line of /proc/meminfo in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB$", text(root, "proc/meminfo") or "", re.MULTILINE)
    return int(found[1]) * KIB_BYTES if found else None


def swap_used_bytes(root: Path) -> int | None:
    """Give how much of the swap is in use; 0 where there is no swap."""
    swaps = text(root, "proc/swaps")
    if swaps is None:
        return None
    return sum(int(line.split()[3]) for line in swaps.splitlines()[1:]) * KIB_BYTES


def governors(root: Path) -> tuple[str, ...]:
    """Give the frequency governors in use, each once."""
    found = texts(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    return tuple(sorted(set(found.values())))


def turbo(root: Path) -> bool | None:
    """Tell whether the CPU may run faster than its nominal frequency."""
    no_turbo = text(root, "sys/devices/system/cpu/intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == "0"
    boost = text(root, "sys/devices/system/cpu/cpufreq/boost")
    return None if boost is None else boost == "1"


def smt(root: Path) -> bool | None:
    """Tell whether two of the CPUs may be threads of one core."""
    active = text(root, "sys/devices/system/cpu/smt/active")
    return None if active is None else active == "1"


def parse_cpu_list(written: str) -> frozenset[int]:
    """Read the kernel's notation of CPU sets, such as `0-3,8`."""
    found: set[int] = set()
    for part in written.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def core_of(root: Path, cpu: int) -> frozenset[int]:
    """Give the CPUs that are threads of the same core, `cpu` among them.

    Virtual machines may show no topology: every CPU is then a core of its own.
    """
    written = text(root, f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return parse_cpu_list(written or "") | {cpu}


def idle_states_us(root: Path) -> dict[str, int]:
    """Map the idle states that the first CPU may enter to their exit latency in microseconds."""
    folder = "sys/devices/system/cpu/cpu0/cpuidle"
    found = {}
    for path, name in texts(root, f"{folder}/state*/name").items():
        state = path.removesuffix("/name")
        latency_us = text(root, f"{state}/latency")
        if latency_us is not None and text(root, f"{state}/disable") != "1":
            found[name] = int(latency_us)
    return found


def mitigations(root: Path) -> dict[str, str]:
    """Map the vulnerabilities that concern this CPU to what the kernel does about them."""
    found = texts(root, "sys/devices/system/cpu/vulnerabilities/*")
    return {
        path.rsplit("/", 1)[-1]: state for path, state in found.items() if state != "Not affected"
    }


def transparent_huge_pages(root: Path) -> str | None:
    """Give the choice in force: `always`, `madvise` or `never`."""
    choices = text(root, "sys/kernel/mm/transparent_hugepage/enabled") or ""
    found = re.search(r"\[(\w+)\]", choices)
    return found[1] if found else None


def same_page_merging(root: Path) -> bool | None:
    """Tell whether the kernel merges equal pages (KSM)."""
    run = text(root, "sys/kernel/mm/ksm/run")
    return None if run is None else run == "1"


def clock_source(root: Path) -> str | None:
    """Give the name of the clock that the kernel reads."""
    return text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")


def cgroup_version(root: Path) -> str | None:
    """Give `v1`, `v2`, or `v1 (hybrid)` where v2 is mounted without its controllers."""
    mounts = text(root, "proc/mounts") or ""
    kinds = {line.split()[2] for line in mounts.splitlines() if " /sys/fs/cgroup" in line}
    if "cgroup" in kinds:
        return "v1 (hybrid)" if "cgroup2" in kinds else "v1"
    return "v2" if "cgroup2" in kinds else None


def virtualization(root: Path) -> str:
    """Give `none` on bare metal, else the hypervisor's name, or `unknown hypervisor`."""
    if "hypervisor" not in (_cpuinfo(root, "flags") or "").split():
        return "xen" if text(root, "sys/hypervisor/type") == "xen" else "none"
    firmware = " ".join(
        text(root, f"sys/class/dmi/id/{field}") or ""
        for field in ("sys_vendor", "product_name", "bios_vendor")
    )
    known = (name for word, name in HYPERVISORS.items() if word in firmware)
    return next(known, "unknown hypervisor")


def load_average(root: Path) -> float | None:
    """Give the load average of the last minute."""
    found = text(root, "proc/loadavg")
    return float(found.split()[0]) if found else None


def cpu_ticks(root: Path) -> tuple[int, int] | None:
    """Give the clock ticks stolen by the hypervisor, and all of them, since the machine started."""
    first = (text(root, "proc/stat") or "").partition("\n")[0].split()
    if first[:1] != ["cpu"]:
        return None
    user_to_steal = [int(ticks) for ticks in first[1:9]]
    return user_to_steal[7], sum(user_to_steal)


def open_file_limits(root: Path) -> tuple[int, int] | None:
    """Give this process's soft and hard limit of open files."""
    limits = text(root, "proc/self/limits") or ""
    found = re.search(r"^Max open files\s+(\d+)\s+(\d+)", limits, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


def listening_ports(root: Path, address: str) -> frozenset[int]:
    """Give the TCP ports on which something listens that `address` would reach."""
    tables = [text(root, f"proc/net/{table}") or "" for table in ("tcp", "tcp6")]
    reaching = {_kernel_hex(address), "0" * 8, "0" * 32}
    ports = set()
    for line in "\n".join(tables).splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == "0A":  # noqa: PLR2004 - TCP_LISTEN in the 4th field
            local, _, port = fields[1].partition(":")
            if local in reaching:
                ports.add(int(port, 16))
    return frozenset(ports)


def _kernel_hex(address: str) -> str:
    """Spell an IPv4 address as /proc/net/tcp does on a little-endian machine."""
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
