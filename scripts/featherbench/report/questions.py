# SPDX-License-Identifier: Apache-2.0
"""The paper's three research questions, answered for this host as far as the run goes.

Each sentence is made from one table, and has a link to it. What the run cannot tell has a sentence,
too: it says what would have to be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from featherbench.report import time_to_first_packet
from featherbench.report.platform_classes import (
    BARE_CONTAINERS,
    CONTAINERS_IN_GUESTS,
    GUESTS,
    KINDS,
    OTHERS,
    PLAIN,
    UNIKERNELS,
    why_unknown,
)
from featherbench.report.sentences.comparisons import amount, comparisons
from featherbench.report.sentences.pairs import against, first_of_all, pairs
from featherbench.report.sentences.ratios import tell
from featherbench.wording.formatting import number
from featherbench.wording.metric_labels import (
    anchor,
    instead_of,
    label,
    pairs_anchor,
    summary_anchor,
)
from featherbench.wording.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from featherbench.report.inputs import Inputs
    from featherbench.report.platform_classes import Kind
    from featherbench.report.sentences.comparisons import Comparison
    from featherbench.report.sentences.pairs import Pairs

STARTUP = "startup_time"
THROUGHPUT = ("http", "kv")
PROVISIONING = ("startup", "image_size")
FOOTPRINT = ("image_size", "latency", "memory")
ALL = (*THROUGHPUT, "startup", *FOOTPRINT)
DIRECT = (
    (CONTAINERS_IN_GUESTS, GUESTS),
    (UNIKERNELS, BARE_CONTAINERS),
    (UNIKERNELS, GUESTS),
)
"""Who is compared with whom beside the baseline, as the paper does."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is found, and of what, without a full stop.

    `links` are pairs of an anchor and what is there.
    """

    subject: str
    text: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A question, what the run finds, and what it leaves open."""

    anchor: str
    question: str
    findings: tuple[Finding, ...]
    open: tuple[str, ...]


def answers(own: Inputs, baseline: str, earlier: Sequence[Finding]) -> tuple[Answer, ...]:
    """Answer the three questions from the tables without emulated platforms.

    `earlier` is what became of the paper's own results and claims.
    """
    run = _Run(own, baseline)
    nowhere = [kind for kind in KINDS if not run.of_kind(kind, *ALL)]
    return (
        Answer(
            anchor="question-speed",
            question="How fast are containers, unikernels and whole-system virtualization under "
            "different workloads, and do earlier results hold up?",
            findings=(*_speed(run), *earlier),
            open=(*_no_values(run, THROUGHPUT), *_unknown(run, THROUGHPUT)),
        ),
        Answer(
            anchor="question-provisioning",
            question="Which technology suits on-demand provisioning best?",
            findings=tuple(_provisioning(run)),
            open=(*_no_values(run, PROVISIONING), *_unknown(run, ("startup",), told=nowhere)),
        ),
        Answer(
            anchor="question-footprint",
            question="What does the technology do to image size, network latency and memory "
            "footprint?",
            findings=tuple(_footprint(run)),
            open=(*_no_values(run, FOOTPRINT), *_unknown(run, FOOTPRINT, told=nowhere)),
        ),
    )


class _Run:
    """The tables of a run, looked up by workload, metric and kind of platform."""

    def __init__(self, own: Inputs, baseline: str) -> None:
        self.own, self.baseline = own, baseline
        summary = own.summary
        self.main = [] if summary.empty else rows(summary[summary["primary"].astype(bool)])
        self.valid = [row for row in self.main if row["n"] > 0]
        self.compared = comparisons(self.main, own.ratios, baseline)

    def metrics(self, *workloads: str) -> Sequence[str]:
        """Name the metrics of some workloads that have values."""
        found = (row["metric"] for row in self.valid if row["workload"] in workloads)
        return list(dict.fromkeys(found))

    def of_metric(self, metric: str) -> list[dict[str, Any]]:
        """Give the valid rows of the summary."""
        return [row for row in self.valid if row["metric"] == metric]

    def of_kind(self, kind: Kind, *workloads: str) -> Sequence[str]:
        """Name the platforms of a kind that have values of some workloads."""
        found = (
            row["platform"]
            for row in self.valid
            if row["workload"] in workloads and kind.has(row["technology"], row["hypervisor"])
        )
        return list(dict.fromkeys(found))

    def to_baseline(self, metric: str, platforms: Sequence[str]) -> list[Comparison]:
        """Give the comparisons of some platforms with the baseline."""
        return [one for one in self.compared if one.metric == metric and one.platform in platforms]

    def pairs(self, metric: str) -> Pairs:
        """Give the comparisons of all pairs."""
        unit = next(row["unit"] for row in self.of_metric(metric))
        return pairs(self.own.posthoc, metric, unit)


def _speed(run: _Run) -> Iterator[Finding]:
    for kind in (*KINDS, OTHERS):
        there = run.of_kind(kind, *THROUGHPUT)
        for metric in run.metrics(*THROUGHPUT):
            if said := tell(run.to_baseline(metric, there), run.baseline, {}):
                subject = f"{_capital(kind.name)}, {label(metric)}"
                yield Finding(subject=subject, text=said, links=((anchor(metric), "ratios"),))
    for ones, others in DIRECT:
        for metric in run.metrics(*THROUGHPUT):
            names = (run.of_kind(ones, *THROUGHPUT), run.of_kind(others, *THROUGHPUT))
            if said := against(run.pairs(metric), *names):
                subject = f"{_capital(ones.name)} against {others.name}, {label(metric)}"
                links = ((pairs_anchor(metric), "all pairs"),)
                yield Finding(subject=subject, text=said, links=links)


def _provisioning(run: _Run) -> Iterator[Finding]:
    starts = sorted(run.of_metric(STARTUP), key=lambda row: float(row["mean"]))
    plain = [row for row in starts if (row["technology"], row["hypervisor"]) == PLAIN]
    isolating = [row for row in starts if row not in plain]
    if isolating:
        test = first_of_all(run.pairs(STARTUP), list(_names(isolating)))
        text = f"{', then '.join(map(_amount, isolating))}{test}"
        beside = "".join(f"; not counting {_amount(row)}, which does not isolate" for row in plain)
        links = [(summary_anchor("startup"), "starts")]
        links += [(pairs_anchor(STARTUP), "all pairs")] if test else []
        yield Finding(subject="Soonest to start", text=text + beside, links=tuple(links))
    for sentence in time_to_first_packet.sentences(run.own.samples, run.own.metrics):
        links = [("crossings", "where they cross")]
        yield Finding(subject="With the image to be sent", text=sentence, links=tuple(links))


def _footprint(run: _Run) -> Iterator[Finding]:
    for metric in run.metrics(*FOOTPRINT):
        own = run.of_metric(metric)
        amounts = {(row["platform"], int(row["concurrency"])): _mean(row) for row in own}
        base = [_amount(row) for row in own if row["platform"] == run.baseline]
        said = tell(run.to_baseline(metric, list(_names(own))), run.baseline, amounts)
        if base and said:
            text, link = f"{base[0]}; {said}", (anchor(metric), "ratios")
        else:
            link = (summary_anchor(own[0]["workload"]), "means")
            text = f"{', '.join(map(_amount, own))}{'' if base else _no_ratio(run, metric)}"
        yield Finding(subject=_capital(label(metric)), text=text, links=(link,))


def _names(own: Sequence[dict[str, Any]]) -> Iterator[str]:
    return (row["platform"] for row in own)


def _no_ratio(run: _Run, metric: str) -> str:
    """Say why there is no ratio to the baseline."""
    if run.baseline in _names(run.of_metric(instead_of(metric))):
        return f"; no ratio to {run.baseline}, which is measured by {label(instead_of(metric))}"
    return f"; {run.baseline}, the baseline, has no valid window"


def _mean(row: dict[str, Any]) -> str:
    return f"{number(row['mean'])} {row['unit']}"


def _amount(row: dict[str, Any]) -> str:
    return f"{row['platform']} {amount(row)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _no_values(run: _Run, workloads: Sequence[str]) -> Iterator[str]:
    """Say which workloads the run cannot tell of, and why."""
    asked = _asked(run, workloads)
    for workload in workloads:
        if not run.metrics(workload):
            known = workload in asked
            why = "no valid window" if known else f"to know, put `{workload}` in `workloads`"
            yield f"{workload}: {why}"


def _asked(run: _Run, workloads: Sequence[str]) -> Sequence[str]:
    """Leave out what was not asked for, as far as that is known."""
    plan = run.own.plan
    return (
        workloads if plan is None else [one.name for one in plan.workloads if one.name in workloads]
    )


def _unknown(run: _Run, workloads: Sequence[str], *, told: Sequence[Kind] = ()) -> Iterator[str]:
    """Say which kinds of platforms the run cannot tell of, and why, unless it was told before.

    Where none of the workloads was asked for, that is the reason: only kinds that the run cannot
    tell of at all are named.
    """
    about = workloads if _asked(run, workloads) else ALL
    for kind in KINDS:
        if kind not in told and not run.of_kind(kind, *about):
            why = why_unknown(kind, run.own.plan, _asked(run, about))
            yield f"{_capital(kind.name)}: {why}"
    if told:
        yield f"{_capital(', '.join(kind.name for kind in told))}: as in question 1"
