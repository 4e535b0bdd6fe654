# SPDX-License-Identifier: Apache-2.0
"""The search for the least memory with which an instance is as fast as with ample memory.

The paper's definition of a guest's footprint: the least amount, in steps of 8 MiB, that did not
degrade its performance. Where 16 MiB suffice the steps are of 1 MiB: some unikernels need two.
Here "did not" is shown and not assumed: at an amount that suffices the throughput is, by a
one-sided Welch test (a test of non-inferiority), higher than that at ample memory less a margin.
Pure: what is to be tried next follows from what has been tried.
"""

from __future__ import annotations

from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from featherbench.records.base import Count, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKS = 2
"""An amount that is not decided after the first starts gets as many again, and no more."""
FINE_BELOW_MIB = 16
"""Where this suffices, every MiB counts."""
FATAL_FAILURES = 2
"""One start may fail by chance; who fails twice has too little."""


class Outcome(StrEnum):
    """What is known of an amount of memory."""

    UNDECIDED = "undecided"
    SUFFICES = "suffices"
    FAILS = "fails"
    NOT_SHOWN = "not shown"
    """Within the margin by its mean, but too scattered to show it: taken as failing."""


class Attempt(Record):
    """One start with a certain amount of memory: its throughput, or why it had none.

    `failure` is empty when it served; a failure counts as a throughput of 0.
    """

    memory_mib: Annotated[int, Field(ge=1)]
    requests_per_s: Annotated[float, Field(ge=0)]
    failure: str = ""
    ready_after_s: float | None = None
    used_bytes: Count | None = None
    guest_used_bytes: Count | None = None
    doubts: tuple[str, ...] = ()


class Rules(Record):
    """What the search keeps to. `margin` is a fraction of the throughput at ample memory."""

    reference_mib: int
    step_mib: int
    starts: int
    margin: float
    significance: float


class Search(Record):
    """A search, finished or not; `subject` tells whether a record on disk is of the same search."""

    subject: str
    rules: Rules
    attempts: tuple[Attempt, ...] = ()

    def after(self, attempt: Attempt) -> Search:
        """Give the search with one more attempt."""
        return self.model_copy(update={"attempts": (*self.attempts, attempt)})

    def at(self, memory_mib: int) -> list[Attempt]:
        """Give the attempts with that amount."""
        return [each for each in self.attempts if each.memory_mib == memory_mib]

    @property
    def ample(self) -> list[Attempt]:
        """The attempts with ample memory."""
        return self.at(self.rules.reference_mib)

    def outcome(self, memory_mib: int) -> Outcome:
        """Say what the attempts with an amount show."""
        attempts, rules = self.at(memory_mib), self.rules
        if sum(bool(each.failure) for each in attempts) >= FATAL_FAILURES:
            return Outcome.FAILS
        if len(attempts) < rules.starts:
            return Outcome.UNDECIDED
        found = [each.requests_per_s for each in attempts]
        reference = [each.requests_per_s for each in self.ample]
        if not_inferior_p(found, reference, rules.margin) < rules.significance / LOOKS:
            return Outcome.SUFFICES
        if fmean(found) <= (1 - rules.margin) * fmean(reference):
            return Outcome.FAILS
        return Outcome.UNDECIDED if len(attempts) < LOOKS * rules.starts else Outcome.NOT_SHOWN

    def _bisected(self, amounts: Sequence[int]) -> tuple[int, int, int | None]:
        """Bisect: give the most that fails, the least that suffices, the amount that is on trial.

        In MiB. Of `amounts`, the first fails and the last suffices.
        """
        fails, suffices = 0, len(amounts) - 1
        while suffices - fails > 1:
            middle = (fails + suffices) // 2
            outcome = self.outcome(amounts[middle])
            if outcome is Outcome.UNDECIDED:
                return amounts[fails], amounts[suffices], amounts[middle]
            if outcome is Outcome.SUFFICES:
                suffices = middle
            else:
                fails = middle
        return amounts[fails], amounts[suffices], None

    def _bounds(self) -> tuple[int, int, int | None]:
        """Search on the grid and then, where little suffices, between two of its amounts.

        Ample memory suffices by definition, none does not.
        """
        reference_mib, step_mib = self.rules.reference_mib, self.rules.step_mib
        found = self._bisected([*range(0, reference_mib, step_mib), reference_mib])
        fails, suffices, on_trial = found
        if on_trial is not None or suffices > FINE_BELOW_MIB:
            return found
        return self._bisected(range(fails, suffices + 1))

    @property
    def decided(self) -> int:
        """How many amounts below the ample one are decided."""
        tried = {each.memory_mib for each in self.attempts} - {self.rules.reference_mib}
        return sum(self.outcome(amount) is not Outcome.UNDECIDED for amount in tried)

    def next_mib(self) -> int | None:
        """Give the amount for the next start; None when the search is over.

        Ample memory comes first, and once again after each decision: a drift of the machine falls
        on both sides of the comparison.
        """
        if len(self.ample) < self.rules.starts + self.decided:
            return self.rules.reference_mib
        _, _, on_trial = self._bounds()
        return on_trial

    @property
    def least_mib(self) -> int:
        """The least amount that suffices, once the search is over."""
        fails, suffices, on_trial = self._bounds()
        assert on_trial is None, f"the search is not over: {fails} to {suffices} MiB are left"
        return suffices

    @property
    def next_below(self) -> tuple[int, Outcome] | None:
        """The largest amount that failed, and how; None when the whole grid suffices."""
        fails, _, _ = self._bounds()
        return (fails, self.outcome(fails)) if fails else None


def not_inferior_p(found: Sequence[float], reference: Sequence[float], margin: float) -> float:
    """Give the p value of "the mean of `found` is not above (1 - `margin`) x that of `reference`".

    Welch's one-sided t-test; see Schuirmann 1987 for the use of a margin. Without any scatter the
    means decide.
    """
    from scipy.stats import ttest_ind  # noqa: PLC0415 - heavy

    shifted = [(1 - margin) * value for value in reference]
    if len(set(found)) == 1 and len(set(shifted)) == 1:
        return 0.0 if found[0] > shifted[0] else 1.0
    return float(ttest_ind(found, shifted, equal_var=False, alternative="greater").pvalue)
