# SPDX-License-Identifier: Apache-2.0
"""Sets values in a running guest by a program of its vendor, and reads them back.

The description names the program and its arguments; see Rumprun's in resources/unikernels.
"""

from collections.abc import Mapping, Sequence
from string import Template

from featherbench.contracts.image_description import Control
from featherbench.errors import InstanceError
from featherbench.system import subprocesses

NOT_APPLIED = "set while it runs"
"""The key, in the tuning, of the reason why nothing was set."""
SOFT, HARD = ".soft", ".hard"
GUIDE = "see `control` in docs/unikernels.md"


def _why_not(control: Control) -> str:
    """Return why nothing can be set; empty if it can."""
    if control.program is None:
        return f"not applied: the path of its program is not configured ({GUIDE})"
    if not control.program.is_file():
        return f"not applied: {control.program} does not exist ({GUIDE})"
    return ""


def apply(control: Control, address: str) -> Mapping[str, str]:
    """Set the values in the guest at `address`, as far as it allows, and read each back.

    Return what was read, with the requested value if that differs; without the program, return why
    nothing was set. Raise InstanceError if the guest cannot be asked, or does not know a value.
    """
    if reason := _why_not(control):
        return {NOT_APPLIED: reason}
    read: dict[str, str] = {}
    for name in sorted(control.values):  # a hard limit before its soft one
        read[name] = _set(control, address, name)
    return {
        name: value
        if value == control.values[name]
        else f"{value}, though {control.values[name]} was asked for"
        for name, value in read.items()
    }


def _set(control: Control, address: str, name: str) -> str:
    """Set a value; return what it is then: a guest may cut it, or refuse it."""
    placeholders = {"address": address, "name": name, "value": _allowed(control, address, name)}
    refusal = None
    try:
        _run(control, control.set, placeholders)
    except InstanceError as error:
        refusal = error
    value = _read(control, placeholders)
    if not value:
        raise refusal or InstanceError(
            f"{control.program} prints no value of {name} in the guest", remedy=_remedy(name)
        )
    return value


def _read(control: Control, placeholders: Mapping[str, str]) -> str:
    try:
        return _run(control, control.read, placeholders).strip()
    except InstanceError:
        return ""


def _allowed(control: Control, address: str, name: str) -> str:
    """Return the requested value; for a soft limit, no more than the hard one that is in force.

    Rumprun cuts a hard limit to the MAXFILES of its build without a word, and refuses a soft one
    above it.
    """
    requested, hard = control.values[name], f"{name.removesuffix(SOFT)}{HARD}"
    if not (name.endswith(SOFT) and requested.isdecimal()):
        return requested
    value = _read(control, {"address": address, "name": hard, "value": ""})
    return str(min(int(requested), int(value))) if value.isdecimal() else requested


def _run(control: Control, words: Sequence[str], placeholders: Mapping[str, str]) -> str:
    argv = [str(control.program), *(Template(word).substitute(placeholders) for word in words)]
    env = {
        key: Template(text).substitute(placeholders) for key, text in control.environment.items()
    }
    what = f"{placeholders['name']} cannot be set in the guest"
    remedy = _remedy(placeholders["name"])
    with subprocesses.failure_as(InstanceError, what, remedy=remedy):
        return subprocesses.run(argv, timeout_s=control.within_s, env=env).stdout


def _remedy(name: str) -> str:
    return (
        "check that the image was started with what the program needs, and that its build allows"
        f" the value: `control: {{values: {{{name}: …}}}}` asks for another, and without `program`"
        " it is measured as it was built"
    )
