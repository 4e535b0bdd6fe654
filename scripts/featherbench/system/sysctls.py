# SPDX-License-Identifier: Apache-2.0
"""The sysctls and limits that are in force for a process, as its kernel shows them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from featherbench.records.tuning import Tuning
from featherbench.system import ssh
from featherbench.system.machine import LOCAL, Machine
from featherbench.system.procfs import one_line, parse_open_file_limits, sysctl_file

NOT_SET = "cannot be set: "
"""How the value of a sysctl begins that an instance does not let others set."""
HIDDEN = f"{NOT_SET}this kernel hides it from the instance"
"""Stands for the value of a sysctl that an instance has, and nobody can set or read there."""
LOOK_WITHIN_S = 60.0
LIST_INSIDE = ("unshare", "--user", "--map-root-user", "--net", "ls", "-d")


def parse_sysctl(output: str) -> dict[str, str]:
    """Parse what `sysctl KEY …` prints: `key = value` on each line."""
    pairs = (line.partition("=") for line in output.splitlines() if "=" in line)
    return {key.strip(): one_line(value) for key, _, value in pairs}


def sysctl_files(tuning: Tuning) -> list[str]:
    """Return the files of the sysctls in `tuning`, in its order."""
    return [f"/{sysctl_file(key)}" for key in tuning.net_sysctls]


@cache
def _visible_files(machine_name: str, files: tuple[str, ...]) -> frozenset[str]:
    machine = ssh.machine_named(machine_name)
    done = machine.run([*LIST_INSIDE, *files], timeout_s=LOOK_WITHIN_S, check=False)
    return frozenset(done.stdout.split())


def settable_in_user_namespace(tuning: Tuning, machine: Machine) -> Tuning:
    """Return the tuning without what the kernel of `machine` hides from user namespaces."""
    files = sysctl_files(tuning)
    visible_files = _visible_files(machine.name, tuple(files)) if files else frozenset()
    sysctls = zip(tuning.net_sysctls.items(), files, strict=True)
    kept = {key: value for (key, value), file in sysctls if file in visible_files}
    return tuning.model_copy(update={"net_sysctls": kept})


def in_force(files: Mapping[Path, str], tuning: Tuning, limits: str) -> dict[str, str]:
    """Parse the files of the sysctls, and `limits`, a /proc/PID/limits; HIDDEN: it is not there."""
    values = {
        key: one_line(files.get(Path(file), HIDDEN))
        for key, file in zip(tuning.net_sysctls, sysctl_files(tuning), strict=True)
    }
    if tuning.nofile is None:
        return values
    text = files.get(Path(limits))
    return values | {"nofile": parse_open_file_limits(text)[0] if text else HIDDEN}


def of_process(pid: int, tuning: Tuning) -> Mapping[str, str]:
    """Read what is in force for a process of this machine that shares this process's network."""
    limits = f"/proc/{pid}/limits"
    return in_force(LOCAL.read([Path(limits), *map(Path, sysctl_files(tuning))]), tuning, limits)
