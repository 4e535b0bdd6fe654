# SPDX-License-Identifier: Apache-2.0
"""What a property of the host is: something to read, a judgement, and one line of advice.

The style is that of pyperf's `_system.py`: one object a knob. A property reads below the root of
the Surroundings that it is given, so that a captured tree can stand in for a machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from featherbench.records.machine import Finding, Judgement

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where to look: the root of the file system, the server's address, the results' folder."""

    root: Path = Path("/")
    address: str = "198.18.0.1"
    results: Path = Path("results")


class MachineProperty(ABC, Generic[T]):
    """One property of the host."""

    name: ClassVar[str]
    advice: ClassVar[str]
    """What to do where it is not ok."""

    @abstractmethod
    def read(self, where: Surroundings) -> T | None:
        """Read it; None where the kernel does not tell."""

    @abstractmethod
    def judge(self, value: T) -> Judgement:
        """Say what this value means for a measurement."""

    def show(self, value: T) -> str:
        """Spell the value for people."""
        return str(value)

    def advise(self, value: T) -> str:  # noqa: ARG002 - for properties whose advice names the value
        """Say what to do about a value that is not ok."""
        return self.advice

    def examine(self, where: Surroundings) -> Finding:
        """Read, judge, advise."""
        value = self.read(where)
        if value is None:
            return Finding(name=self.name, judgement=Judgement.UNKNOWN, value="cannot be read here")
        judgement = self.judge(value)
        good = judgement is Judgement.OK
        return Finding(
            name=self.name,
            judgement=judgement,
            value=self.show(value),
            advice="" if good else self.advise(value),
        )


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A property that is neither good nor bad, and worth knowing."""

    name: str
    read: Callable[[Path], object | None]

    def examine(self, where: Surroundings) -> Finding:
        """Read it."""
        value = self.read(where.root)
        if value is None:
            return Finding(name=self.name, judgement=Judgement.UNKNOWN, value="cannot be read here")
        return Finding(name=self.name, judgement=Judgement.OK, value=str(value))


def noisy_if(bad: bool) -> Judgement:  # noqa: FBT001 - reads as a sentence
    """Judge a property that disturbs a measurement and never forbids it."""
    return Judgement.NOISY if bad else Judgement.OK


def missing_if(bad: bool) -> Judgement:  # noqa: FBT001 - reads as a sentence
    """Judge a property without which a run fails."""
    return Judgement.MISSING if bad else Judgement.OK
