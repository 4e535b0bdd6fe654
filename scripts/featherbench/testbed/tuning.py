# SPDX-License-Identifier: Apache-2.0
"""Sysctls on both sides while measurements run, and their restoration afterwards."""

import errno
from collections.abc import Mapping
from pathlib import Path

from featherbench.errors import RecordError, TestbedError
from featherbench.records.base import Record
from featherbench.records.tuning import Tuning
from featherbench.system.machine import Machine
from featherbench.system.procfs import one_line
from featherbench.system.sysctls import parse_sysctl
from featherbench.testbed.state import State

PROC_SYS = Path("/proc/sys")
FILE_MAX = "fs.file-max"
MACHINE_WIDE = "as on the server's side: the kernel has one value for all"
TIMEOUT_S = 10.0
SHOWN_BYTES = 300


class SavedSysctls(Record):
    """The sysctls of this machine before they were changed; written before that."""

    originals: dict[str, str]


def _file(key: str) -> Path:
    return PROC_SYS / key.replace(".", "/")


def _read(key: str) -> str:
    try:
        return one_line(_file(key).read_text(encoding="utf-8"))
    except OSError as missing:
        raise TestbedError(
            f"tuning: this kernel has no readable sysctl {key}",
            remedy="remove it from tuning.net_sysctls, or load the module that has it",
        ) from missing


def _remedy(refused: OSError) -> str:
    if refused.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            "run as root, and not in a container that may not write to /proc/sys; or take it out of"
            " `tuning`"
        )
    if refused.errno == errno.ENOENT:
        return "remove it from tuning.net_sysctls, or load the module that has it"
    return "choose a value that the kernel accepts"


def _write(key: str, value: str) -> None:
    try:
        _file(key).write_text(value, encoding="utf-8")
    except OSError as refused:
        raise TestbedError(
            f"tuning: sysctl {key} cannot be set to {value!r}: {refused.strerror}",
            remedy=_remedy(refused),
        ) from refused


def _require_in_force(side: str, values: Mapping[str, str], in_force: Mapping[str, str]) -> None:
    for key, value in values.items():
        if in_force.get(key) != one_line(value):
            raise TestbedError(
                f"tuning: sysctl {key} on the {side} is {in_force.get(key)!r}, not {value!r} as"
                " set",
                remedy="choose a value that the kernel accepts, or remove the key",
            )


def _machine_sysctls(tuning: Tuning) -> dict[str, str]:
    """Return what to set. Raise TestbedError for a limit of files that could soon be reached."""
    limit, values = tuning.file_max, dict(tuning.net_sysctls)
    if limit is None:
        return values
    allocated = int(_read("fs.file-nr").split()[0])  # allocated, free, maximum; see proc(5)
    if limit < 2 * allocated:
        raise TestbedError(
            f"tuning: {FILE_MAX} = {limit} is too low: this machine has {allocated} files open now",
            remedy=f"set tuning.file_max to at least {2 * allocated}, or to null to leave it",
        )
    return values | {FILE_MAX: str(limit)}


def _saved(state: State) -> dict[str, str]:
    """Return the saved values. Raise TestbedError, once, if the file is damaged: they are lost."""
    try:
        return SavedSysctls.read(state.sysctls).originals
    except FileNotFoundError:
        return {}
    except RecordError as damaged:
        content = state.sysctls.read_bytes()[:SHOWN_BYTES].decode(errors="replace")
        state.sysctls.unlink()
        raise TestbedError(
            f"{state.sysctls} is damaged: how sysctls were before the tuning is lost;"
            f" it was removed, and began with {content!r}",
            remedy="`sysctl --system` sets what this machine's files say, a reboot all; then run"
            " again",
        ) from damaged


def apply_to_machine(state: State, tuning: Tuning) -> dict[str, str]:
    """Set the sysctls of the server's side, and return those in force; save the originals first.

    Raises TestbedError, which names the key, when one cannot be set or has not taken effect.
    """
    values, saved = _machine_sysctls(tuning), _saved(state)
    originals = {key: saved.get(key) or _read(key) for key in values}
    SavedSysctls(originals=saved | originals).write(state.sysctls)
    for key, value in (saved | values).items():
        if _read(key) != one_line(value):
            _write(key, value)
    in_force = {key: _read(key) for key in values}
    _require_in_force("server's side", values, in_force)
    return in_force


def apply_to_client(client: Machine, tuning: Tuning) -> dict[str, str]:
    """Set the client's sysctls, which vanish with its namespace, and return those in force.

    Keys that the kernel has only once, for all namespaces, are set with the machine's.
    """
    if not tuning.net_sysctls:
        return {}
    show = ["sysctl", "-e", *tuning.net_sysctls]
    in_force = parse_sysctl(client.run(show, timeout_s=TIMEOUT_S).stdout)
    values = {key: value for key, value in tuning.net_sysctls.items() if key in in_force}
    if any(in_force[key] != one_line(value) for key, value in values.items()):
        assignments = [f"{key}={value}" for key, value in values.items()]
        done = client.run(["sysctl", "-w", *assignments], timeout_s=TIMEOUT_S, check=False)
        in_force = parse_sysctl(client.run(show, timeout_s=TIMEOUT_S).stdout)
        side = f"client ({done.tail})" if done.exit_status else "client"
        _require_in_force(side, values, in_force)
    return {key: in_force.get(key, MACHINE_WIDE) for key in tuning.net_sysctls}


def restore(state: State) -> None:
    """Restore the sysctls. Can be repeated: what fails stays on disk to be tried again."""
    for key, value in _saved(state).items():
        if _read(key) != value:
            _write(key, value)
    state.sysctls.unlink(missing_ok=True)
