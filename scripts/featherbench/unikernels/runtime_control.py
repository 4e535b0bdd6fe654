# SPDX-License-Identifier: Apache-2.0
"""What is set inside a guest once it runs, by a program of its vendor's, and read back.

The description says which program, how it is told where the guest is, and how it sets and reads a
value; see Rumprun's in resources/unikernels.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic needs it at run time
from string import Template
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from featherbench.errors import CommandError, InstanceError
from featherbench.system import subprocesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACES = frozenset(("address", "name", "value"))
NOT_APPLIED = "set while it runs"
"""Stands in the tuning when nothing was set."""
GUIDE = "see `control` in docs/unikernels.md"


class Control(BaseModel):
    """How values are set and read, as words of a command; `${address}` is the guest's."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    program: Path | None = None
    """Where the user has it; without it nothing is set."""
    environment: dict[str, str] = Field(default_factory=dict)
    set: tuple[str, ...]
    """Its arguments to set `${name}` to `${value}`."""
    read: tuple[str, ...]
    """Its arguments to print the value of `${name}`, and nothing else."""
    values: dict[str, str]
    """In the order of their names."""
    within_s: Annotated[float, Field(gt=0)] = 10.0
    """How long one call may take."""

    @field_validator("environment", "set", "read")
    @classmethod
    def _has_known_places(
        cls, value: dict[str, str] | tuple[str, ...]
    ) -> dict[str, str] | tuple[str, ...]:
        for text in value.values() if isinstance(value, dict) else value:
            template = Template(text)
            if not template.is_valid() or set(template.get_identifiers()) - PLACES:
                known = ", ".join(sorted(PLACES))
                raise ValueError(f"nothing fills a placeholder in {text!r}; known: {known}")
        return value

    def lacking(self) -> str:
        """Say why nothing can be set; empty when it can."""
        if self.program is None:
            return f"not applied: nobody has said where its program is ({GUIDE})"
        there = self.program.is_file()
        return "" if there else f"not applied: {self.program} is not there ({GUIDE})"


def apply(control: Control, address: str) -> Mapping[str, str]:
    """Set the values in the guest at `address`, and read each back.

    Gives what was read, with what was asked for where that differs; why nothing was set, where the
    user has not the program. Raises InstanceError when the program or the guest refuses.
    """
    if why := control.lacking():
        return {NOT_APPLIED: why}
    return {name: _set(control, address, name) for name in sorted(control.values)}


def _set(control: Control, address: str, name: str) -> str:
    wanted = control.values[name]
    filled = {"address": address, "name": name, "value": wanted}
    _run(control, control.set, filled)
    found = _run(control, control.read, filled).strip()
    if not found:
        raise InstanceError(
            f"{control.program} tells nothing of {name} in the guest", remedy=_remedy(name)
        )
    return found if found == wanted else f"{found}, though {wanted} was asked for"


def _run(control: Control, words: Sequence[str], filled: Mapping[str, str]) -> str:
    argv = [str(control.program), *(Template(word).substitute(filled) for word in words)]
    env = {key: Template(text).substitute(filled) for key, text in control.environment.items()}
    try:
        return subprocesses.run(argv, timeout_s=control.within_s, env=env).stdout
    except CommandError as refused:
        raise InstanceError(
            f"{filled['name']} cannot be set in the guest: {refused.message}",
            remedy=_remedy(filled["name"]),
        ) from refused


def _remedy(name: str) -> str:
    return (
        "see whether the image was started with what the program needs, and whether its build"
        f" allows that value: `control: {{values: {{{name}: …}}}}` asks for another, and without"
        " `program` it is measured as it was built"
    )
