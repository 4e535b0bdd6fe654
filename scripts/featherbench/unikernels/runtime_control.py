# SPDX-License-Identifier: Apache-2.0
"""Sets values in a running guest by a program of its vendor, and reads them back.

The description names the program and its arguments; see Rumprun's in resources/unikernels.
"""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from featherbench.errors import InstanceError
from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featherbench.contracts.image_description import Control

NOT_APPLIED = "set while it runs"
"""The key, in the tuning, of the reason why nothing was set."""
GUIDE = "see `control` in docs/unikernels.md"


def _why_not(control: Control) -> str:
    """Return why nothing can be set; empty if it can."""
    if control.program is None:
        return f"not applied: the path of its program is not configured ({GUIDE})"
    if not control.program.is_file():
        return f"not applied: {control.program} does not exist ({GUIDE})"
    return ""


def apply(control: Control, address: str) -> Mapping[str, str]:
    """Set the values in the guest at `address`, and read each back.

    Return what was read, with the requested value if that differs; without the program, return why
    nothing was set. Raise InstanceError if the program or the guest refuses.
    """
    if reason := _why_not(control):
        return {NOT_APPLIED: reason}
    return {name: _set(control, address, name) for name in sorted(control.values)}


def _set(control: Control, address: str, name: str) -> str:
    requested = control.values[name]
    placeholders = {"address": address, "name": name, "value": requested}
    _run(control, control.set, placeholders)
    value = _run(control, control.read, placeholders).strip()
    if not value:
        raise InstanceError(
            f"{control.program} prints no value of {name} in the guest", remedy=_remedy(name)
        )
    return value if value == requested else f"{value}, though {requested} was asked for"


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
