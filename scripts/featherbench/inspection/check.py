# SPDX-License-Identifier: Apache-2.0
"""A check of one property of the machine: what it is, whether it is bad, and what to do then.

As in pyperf's `_system.py`, each property is one object. A check reads below the root of its
CheckContext, so that a captured tree can stand in for a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from featherbench.records.machine import CheckResult, Judgement

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """Where to look: the root of the file system, the server's address, the results' folder."""

    root: Path = Path("/")
    address: str = "198.18.0.1"
    results: Path = Path("results")


def never(_value: object) -> bool:
    """Judge nothing: the property is recorded, and is neither good nor bad."""
    return False


def on_or_off(value: bool) -> str:  # noqa: FBT001 - the value of a check
    """Format a switch."""
    return "on" if value else "off"


@dataclass(frozen=True, kw_only=True)
class Check(Generic[T]):
    """One property of the machine.

    `read` returns its value, or None where the kernel does not say. A value that `is_bad` has the
    judgement `severity`: `noisy` if it disturbs a measurement, `missing` if a run fails. `show`
    formats the value for people, `advice` says what to do about a bad one.
    """

    name: str
    read: Callable[[CheckContext], T | None]
    is_bad: Callable[[T], bool] = never
    severity: Judgement = Judgement.NOISY
    show: Callable[[T], str] = str
    advice: str | Callable[[T], str] = ""

    def run(self, context: CheckContext) -> CheckResult:
        """Read the property, and judge it."""
        value = self.read(context)
        if value is None:
            return CheckResult(
                name=self.name, judgement=Judgement.UNKNOWN, value="cannot be read here"
            )
        is_bad = self.is_bad(value)
        advice = self.advice if isinstance(self.advice, str) else self.advice(value)
        return CheckResult(
            name=self.name,
            judgement=self.severity if is_bad else Judgement.OK,
            value=self.show(value),
            advice=advice if is_bad else "",
        )


def below_root(reader: Callable[[Path], T]) -> Callable[[CheckContext], T]:
    """Return a check's `read` that takes nothing of its context but the root."""
    return lambda context: reader(context.root)
