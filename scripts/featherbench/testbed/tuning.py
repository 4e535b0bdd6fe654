# SPDX-License-Identifier: Apache-2.0
"""Sysctls for the time of the measurements, on both sides, put back afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.errors import TestbedError
from featherbench.records.base import Record
from featherbench.system import subprocesses
from featherbench.system.procfs import one_line
from featherbench.system.sysctls import parse_sysctl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.records.job_specs import TuningSpec
    from featherbench.testbed.state import State

PROC_SYS = Path("/proc/sys")
FILE_MAX = "fs.file-max"
MACHINE_WIDE = "as on the server's side: the kernel has one value for all"
TIMEOUT_S = 10.0


class SavedSysctls(Record):
    """What sysctls of this machine were before we changed them; written before we do."""

    originals: dict[str, str]


def check_file_max(wanted: int, file_nr: str) -> None:
    """Refuse a limit on open files that the running system could hit.

    `file_nr` is the content of /proc/sys/fs/file-nr: allocated, free, maximum; see proc(5).
    """
    allocated = int(file_nr.split(maxsplit=1)[0])
    if wanted < 2 * allocated:
        raise TestbedError(
            f"tuning: {FILE_MAX} = {wanted} is too low: this host has {allocated} files open now",
            remedy=f"set tuning.file_max to at least {2 * allocated}, or to null to leave it",
        )


def _file(key: str) -> Path:
    return PROC_SYS / key.replace(".", "/")


def _read(key: str) -> str:
    try:
        return one_line(_file(key).read_text())
    except OSError as missing:
        raise TestbedError(
            f"tuning: this kernel has no sysctl {key} that we can read",
            remedy="take it out of tuning.net_sysctls, or load the module that has it",
        ) from missing


def _write(key: str, value: str) -> None:
    try:
        _file(key).write_text(value)
    except OSError as refused:
        raise TestbedError(
            f"tuning: sysctl {key} cannot be set to {value!r}: {refused.strerror}",
            remedy="give a value that the kernel takes, and run as root",
        ) from refused


def _require_taken(where: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    for key, value in wanted.items():
        if found.get(key) != one_line(value):
            raise TestbedError(
                f"tuning: sysctl {key} on the {where} is {found.get(key)!r}, not {value!r} as set",
                remedy="give a value that the kernel takes, or take the key out",
            )


def _machine_wanted(tuning: TuningSpec) -> dict[str, str]:
    wanted = dict(tuning.net_sysctls)
    if tuning.file_max is not None:
        check_file_max(tuning.file_max, (PROC_SYS / "fs/file-nr").read_text())
        wanted[FILE_MAX] = str(tuning.file_max)
    return wanted


def _saved(state: State) -> dict[str, str]:
    return SavedSysctls.read(state.sysctls).originals if state.sysctls.exists() else {}


def apply_to_machine(state: State, tuning: TuningSpec) -> dict[str, str]:
    """Set the server's side's sysctls; what they were is on disk before. Gives what is in force.

    Raises TestbedError, naming the key, when one cannot be set or did not take.
    """
    wanted, saved = _machine_wanted(tuning), _saved(state)
    originals = {key: saved.get(key) or _read(key) for key in wanted}
    SavedSysctls(originals=saved | originals).write(state.sysctls)
    for key, value in (saved | wanted).items():
        if _read(key) != one_line(value):
            _write(key, value)
    found = {key: _read(key) for key in wanted}
    _require_taken("server's side", wanted, found)
    return found


def apply_to_client(namespace: Path, tuning: TuningSpec) -> dict[str, str]:
    """Set the client's sysctls, which vanish with its namespace. Gives what is in force.

    Keys of which the kernel has one for all namespaces are set with the host's.
    """
    if not tuning.net_sysctls:
        return {}
    enter = ["nsenter", f"--net={namespace}", "sysctl"]
    keys = list(tuning.net_sysctls)
    here = parse_sysctl(subprocesses.run([*enter, "-e", *keys], timeout_s=TIMEOUT_S).stdout)
    wanted = {key: value for key, value in tuning.net_sysctls.items() if key in here}
    if any(here[key] != one_line(value) for key, value in wanted.items()):
        assignments = [f"{key}={value}" for key, value in wanted.items()]
        done = subprocesses.run([*enter, "-w", *assignments], timeout_s=TIMEOUT_S, check=False)
        here = parse_sysctl(subprocesses.run([*enter, "-e", *keys], timeout_s=TIMEOUT_S).stdout)
        _require_taken(f"client ({done.tail})" if done.exit_status else "client", wanted, here)
    return {key: here.get(key, MACHINE_WIDE) for key in keys}


def is_changed(state: State) -> bool:
    """Whether there are sysctls to be put back."""
    return state.sysctls.exists()


def restore(state: State) -> None:
    """Put back what the sysctls were. Idempotent; what fails stays on disk to be tried again."""
    for key, value in _saved(state).items():
        if _read(key) != value:
            _write(key, value)
    state.sysctls.unlink(missing_ok=True)
