# SPDX-License-Identifier: Apache-2.0
"""The search for the minimum memory with which an instance is as fast as with reference memory.

The paper's definition of a guest's footprint: the smallest amount, in steps of 8 MiB, that did not
degrade its performance. If 16 MiB suffice the steps are 1 MiB: some unikernels need two. Here "did
not degrade" is tested: an amount suffices if its throughput is, by a one-sided Welch test (a test
of non-inferiority), higher than that with reference memory less a margin.
The search is pure: the next amount to try follows from the attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean
from typing import Annotated

from pydantic import Field

from featherbench.records.base import Count, Record

LOOKS = 2
"""An amount that is undecided after the first starts gets as many again, and no more."""
FINE_BELOW_MIB = 16
"""If this suffices, the search continues in steps of 1 MiB."""
FATAL_FAILURES = 2
"""One start may fail by chance; an amount that fails twice is too small."""


class AmountOutcome(StrEnum):
    """What is known of an amount of memory."""

    UNDECIDED = "undecided"
    SUFFICES = "suffices"
    FAILS = "fails"
    NOT_SHOWN = "not shown"
    """Within the margin by its mean, but with too much scatter to show it; counts as failing."""


class Attempt(Record):
    """One start with an amount of memory: its throughput, or why it had none.

    `failure` is empty if it served; a failure counts as a throughput of 0. `issues` are
    data-quality issues of the throughput.
    """

    memory_mib: Annotated[int, Field(ge=1)]
    requests_per_s: Annotated[float, Field(ge=0)]
    failure: str = ""
    ready_after_s: float | None = None
    used_bytes: Count | None = None
    guest_used_bytes: Count | None = None
    issues: tuple[str, ...] = ()


class Rules(Record):
    """The rules of a search; `margin` is a fraction of the throughput with reference memory."""

    reference_mib: int
    step_mib: int
    starts: int
    margin: float
    significance: float


class Search(Record):
    """A search, finished or not; `subject` identifies the search that a file on disk belongs to."""

    subject: str
    rules: Rules
    attempts: tuple[Attempt, ...] = ()

    def after(self, attempt: Attempt) -> Search:
        """Return the search with one more attempt."""
        return self.model_copy(update={"attempts": (*self.attempts, attempt)})

    def at(self, memory_mib: int) -> list[Attempt]:
        """Return the attempts with that amount."""
        return [attempt for attempt in self.attempts if attempt.memory_mib == memory_mib]

    @property
    def reference(self) -> list[Attempt]:
        """The attempts with reference memory."""
        return self.at(self.rules.reference_mib)

    def outcome(self, memory_mib: int) -> AmountOutcome:
        """Return what the attempts with an amount show."""
        attempts, rules = self.at(memory_mib), self.rules
        if sum(bool(attempt.failure) for attempt in attempts) >= FATAL_FAILURES:
            return AmountOutcome.FAILS
        if len(attempts) < rules.starts:
            return AmountOutcome.UNDECIDED
        rates = [attempt.requests_per_s for attempt in attempts]
        reference = [attempt.requests_per_s for attempt in self.reference]
        if not_inferior_p(rates, reference, rules.margin) < rules.significance / LOOKS:
            return AmountOutcome.SUFFICES
        if fmean(rates) <= (1 - rules.margin) * fmean(reference):
            return AmountOutcome.FAILS
        if len(attempts) < LOOKS * rules.starts:
            return AmountOutcome.UNDECIDED
        return AmountOutcome.NOT_SHOWN

    def _bisected(self, amounts: Sequence[int]) -> tuple[int, int, int | None]:
        """Bisect `amounts`, of which the first fails and the last suffices.

        Return in MiB the largest that fails, the smallest that suffices, and the amount on trial.
        """
        fails, suffices = 0, len(amounts) - 1
        while suffices - fails > 1:
            middle = (fails + suffices) // 2
            outcome = self.outcome(amounts[middle])
            if outcome is AmountOutcome.UNDECIDED:
                return amounts[fails], amounts[suffices], amounts[middle]
            if outcome is AmountOutcome.SUFFICES:
                suffices = middle
            else:
                fails = middle
        return amounts[fails], amounts[suffices], None

    def _bounds(self) -> tuple[int, int, int | None]:
        """Search in steps of `step_mib`, then, if little suffices, between two of the amounts.

        Reference memory suffices by definition; 0 does not.
        """
        reference_mib, step_mib = self.rules.reference_mib, self.rules.step_mib
        coarse = self._bisected([*range(0, reference_mib, step_mib), reference_mib])
        fails, suffices, on_trial = coarse
        if on_trial is not None or suffices > FINE_BELOW_MIB:
            return coarse
        return self._bisected(range(fails, suffices + 1))

    @property
    def decided(self) -> int:
        """How many amounts below the reference memory are decided."""
        tried = {attempt.memory_mib for attempt in self.attempts} - {self.rules.reference_mib}
        return sum(self.outcome(amount) is not AmountOutcome.UNDECIDED for amount in tried)

    def next_mib(self) -> int | None:
        """Return the amount for the next start; None if the search is over.

        Reference memory comes first, and once more after each decision, so that a drift of the
        machine affects both sides of the comparison.
        """
        if len(self.reference) < self.rules.starts + self.decided:
            return self.rules.reference_mib
        _, _, on_trial = self._bounds()
        return on_trial

    @property
    def minimum_mib(self) -> int:
        """The smallest amount that suffices; the search must be over."""
        fails, suffices, on_trial = self._bounds()
        assert on_trial is None, f"the search is not over: {fails} to {suffices} MiB are left"
        return suffices

    @property
    def next_below(self) -> tuple[int, AmountOutcome] | None:
        """The largest amount that failed, and how; None if every amount suffices."""
        fails, _, _ = self._bounds()
        return (fails, self.outcome(fails)) if fails else None


def not_inferior_p(rates: Sequence[float], reference: Sequence[float], margin: float) -> float:
    """Return the p-value of "the mean rate is at most (1 - `margin`) x that of `reference`".

    Welch's one-sided t-test; see Schuirmann 1987 for the use of a margin. Without scatter the means
    decide.
    """
    from scipy.stats import ttest_ind  # noqa: PLC0415 - heavy

    shifted = [(1 - margin) * rate for rate in reference]
    if len(set(rates)) == 1 and len(set(shifted)) == 1:
        return 0.0 if rates[0] > shifted[0] else 1.0
    return float(ttest_ind(rates, shifted, equal_var=False, alternative="greater").pvalue)
