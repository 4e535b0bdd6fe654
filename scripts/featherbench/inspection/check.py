# SPDX-License-Identifier: Apache-2.0
"""A check of one property of the machine: what it is, whether it is bad, and what to do then.

As in pyperf's `_system.py`, each property is one object. A check reads below a root, so that a
captured tree can stand in for a machine.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from featherbench.records.machine import CheckResult, Judgement

T = TypeVar("T")


def on_or_off(value: bool) -> str:  # noqa: FBT001 - the value of a check
    """Format a switch."""
    return "on" if value else "off"


def listed(numbers: Iterable[int]) -> str:
    """Format CPUs or ports, in their order."""
    return ", ".join(map(str, sorted(numbers)))


@dataclass(frozen=True, kw_only=True)
class Check(Generic[T]):
    """One property of the machine.

    `read` returns its value from the files below a root, or None where the kernel does not say. A
    value that `is_bad` has the judgement `severity`: `noisy` if it disturbs a measurement,
    `missing` if a run fails. By default a value is recorded, and is neither good nor bad. `show`
    formats it for people, `advice` says what to do about a bad one.
    """

    name: str
    read: Callable[[Path], T | None]
    is_bad: Callable[[T], bool] = lambda _value: False
    severity: Judgement = Judgement.NOISY
    show: Callable[[T], str] = str
    advice: str | Callable[[T], str] = ""

    def run(self, root: Path) -> CheckResult:
        """Read the property, and judge it."""
        value = self.read(root)
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
