# SPDX-License-Identifier: Apache-2.0
"""The paper's three research questions, answered for this machine as far as the run allows.

The paper asks about classes of platforms. Each statement is made from one table, and links to it.
What the run cannot answer is listed as open, with what would have to be measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from featherbench.records.plan import Plan, PlannedPlatform
from featherbench.report.run_tables import RunTables
from featherbench.report.sentences.comparisons import (
    fastest_sentence,
    pair_sentences,
    ratio_sentence,
)
from featherbench.report.sentences.conclusions import amount, first_packet_sentences
from featherbench.wording.formatting import number
from featherbench.wording.phrases import capitalized

Row = dict[str, Any]

NATIVE = "native"
PLAIN = ("linux", NATIVE)
"""The platform that does not isolate, with which all others are compared."""
CONTAINERS, GUESTS = "containers", "whole-system virtualization"
CONTAINERS_IN_GUESTS, UNIKERNELS = "containers in virtual machines", "unikernels"
CLASSES = {
    CONTAINERS: ("docker-native", "lxd-native"),
    GUESTS: ("linux-kvm",),
    CONTAINERS_IN_GUESTS: ("docker-kvm", "lxd-kvm"),
    UNIKERNELS: ("rumprun-kvm", "osv-kvm", "mirageos-kvm"),
}
"""The classes of platforms that the paper asks about; of each, what to add to measure it."""
OTHERS = "other platforms"
"""Those that isolate and are in none of CLASSES, such as a plug-in's; nothing is open without."""

STARTUP = "startup_time"
THROUGHPUT = ("http", "kv")
PROVISIONING = ("startup", "image_size")
FOOTPRINT = ("image_size", "latency", "memory")
ALL = (*THROUGHPUT, "startup", *FOOTPRINT)
PAIRS_OF_CLASSES = ((CONTAINERS_IN_GUESTS, GUESTS), (UNIKERNELS, CONTAINERS), (UNIKERNELS, GUESTS))
"""The classes that the paper compares with each other instead of with the baseline."""


def class_of(technology: str, hypervisor: str) -> str:
    """Return the class of a platform; empty for the plain one."""
    match technology:
        case "docker" | "lxd":
            return CONTAINERS if hypervisor == NATIVE else CONTAINERS_IN_GUESTS
        case "linux" | "netbsd" if hypervisor != NATIVE:
            return GUESTS
        case "rumprun" | "osv" | "mirageos" | "unikraft" | "nanos" | "floor":
            return UNIKERNELS
    return "" if (technology, hypervisor) == PLAIN else OTHERS


def platforms_of(platform_class: str, run: RunTables, workloads: Sequence[str]) -> list[str]:
    """Return the platforms of a class that have values of some workloads."""
    platforms = (
        row["platform"]
        for row in run.valid
        if row["workload"] in workloads
        and class_of(row["technology"], row["hypervisor"]) == platform_class
    )
    return list(dict.fromkeys(platforms))


@dataclass(frozen=True)
class Statement:
    """A statement on a subject, without a full stop. `links` are pairs of anchor and link text."""

    subject: str
    text: str
    links: tuple[tuple[str, str], ...]


def answers(run: RunTables, earlier: Sequence[Statement]) -> list[Row]:
    """Answer the three questions from the tables without emulated platforms.

    Each has its `anchor`, the `question`, the `statements` that answer it, and what the run leaves
    `open`. `earlier` are statements on results of earlier studies, from further sections.
    """
    nowhere = [one for one in CLASSES if not platforms_of(one, run, ALL)]
    return [
        {
            "anchor": "question-speed",
            "question": "How fast are containers, unikernels and whole-system virtualization under "
            "different workloads, and do earlier results hold up?",
            "statements": [*_speed(run), *earlier],
            "open": [*_no_values(run, THROUGHPUT), *_unknown(run, THROUGHPUT)],
        },
        {
            "anchor": "question-provisioning",
            "question": "Which technology suits on-demand provisioning best?",
            "statements": list(_provisioning(run)),
            "open": [*_no_values(run, PROVISIONING), *_unknown(run, ("startup",), nowhere)],
        },
        {
            "anchor": "question-footprint",
            "question": "How does the technology affect image size, network latency and memory "
            "footprint?",
            "statements": list(_footprint(run)),
            "open": [*_no_values(run, FOOTPRINT), *_unknown(run, FOOTPRINT, nowhere)],
        },
    ]


def _speed(run: RunTables) -> Iterator[Statement]:
    metrics = run.metrics(*THROUGHPUT)
    for one in (*CLASSES, OTHERS):
        platforms = platforms_of(one, run, THROUGHPUT)
        for metric in metrics:
            if text := ratio_sentence(run.to_baseline(metric, platforms), run.baseline, {}):
                subject = f"{capitalized(one)}, {run.label(metric)}"
                yield Statement(subject, text, ((f"ratios-{metric}", "ratios"),))
    for one, other in PAIRS_OF_CLASSES:
        names = [platforms_of(each, run, THROUGHPUT) for each in (one, other)]
        for metric in metrics:
            if text := pair_sentences(run.pairs(metric), *names):
                subject = f"{capitalized(one)} against {other}, {run.label(metric)}"
                yield Statement(subject, text, ((f"pairs-{metric}", "all pairs"),))


def _provisioning(run: RunTables) -> Iterator[Statement]:
    starts = sorted(run.of_metric(STARTUP), key=lambda row: float(row["mean"]))
    plain = [row for row in starts if (row["technology"], row["hypervisor"]) == PLAIN]
    isolating = [row for row in starts if row not in plain]
    if isolating:
        test = fastest_sentence(run.pairs(STARTUP), _names(isolating))
        text = f"{', then '.join(map(_amount, isolating))}{test}"
        left_out = "".join(f"; without {_amount(row)}, which does not isolate" for row in plain)
        links = [("summary-startup", "starts")]
        links += [(f"pairs-{STARTUP}", "all pairs")] if test else []
        yield Statement("Fastest start", text + left_out, tuple(links))
    for sentence in first_packet_sentences(run.samples, run.inputs.metrics):
        yield Statement("If the image must be sent", sentence, (("crossings", "all pairs"),))


def _footprint(run: RunTables) -> Iterator[Statement]:
    for metric in run.metrics(*FOOTPRINT):
        summary = run.of_metric(metric)
        means = {
            (row["platform"], int(row["level"])): f"{number(row['mean'])} {row['unit']}"
            for row in summary
        }
        base = [_amount(row) for row in summary if row["platform"] == run.baseline]
        ratios = ratio_sentence(run.to_baseline(metric, _names(summary)), run.baseline, means)
        if base and ratios:
            text, link = f"{base[0]}; {ratios}", (f"ratios-{metric}", "ratios")
        else:
            link = (f"summary-{summary[0]['workload']}", "means")
            text = f"{', '.join(map(_amount, summary))}{'' if base else _why_no_ratio(run, metric)}"
        yield Statement(capitalized(run.label(metric)), text, (link,))


def _names(summary: Sequence[Row]) -> list[str]:
    return [row["platform"] for row in summary]


def _why_no_ratio(run: RunTables, metric: str) -> str:
    other = run.counterpart(metric)
    if run.baseline in _names(run.of_metric(other)):
        return f"; no ratio to {run.baseline}, which has {run.label(other)} instead"
    return f"; the baseline, {run.baseline}, has no valid window"


def _amount(row: Row) -> str:
    return f"{row['platform']} {amount(row)}"


def _no_values(run: RunTables, workloads: Sequence[str]) -> Iterator[str]:
    """Yield the workloads without values, and why."""
    requested = _requested(run, workloads)
    for workload in workloads:
        if not run.metrics(workload):
            remedy = f"to measure it, add `{workload}` to `workloads`"
            yield f"{workload}: {'no valid window' if workload in requested else remedy}"


def _requested(run: RunTables, workloads: Sequence[str]) -> Sequence[str]:
    """Return the workloads that were requested; all if that is not known."""
    if run.plan is None:
        return workloads
    return [one.name for one in run.plan.workloads if one.name in workloads]


def _unknown(run: RunTables, workloads: Sequence[str], listed: Sequence[str] = ()) -> Iterator[str]:
    """Yield the classes of platforms without values, and why; refer to question 1 for `listed`.

    If none of the workloads was requested, that is the reason, and only classes without values of
    any workload are listed.
    """
    relevant = workloads if _requested(run, workloads) else ALL
    for one in CLASSES:
        if one not in listed and not platforms_of(one, run, relevant):
            why = why_unknown(one, run.plan, _requested(run, relevant))
            yield f"{capitalized(one)}: {why}"
    if listed:
        yield f"{capitalized(', '.join(listed))}: see question 1"


def why_unknown(platform_class: str, plan: Plan | None, workloads: Sequence[str]) -> str:
    """Return why a class has no value of these workloads, and what to add to the configuration."""
    if plan is None:
        return "the plan is missing, so that it is not known what was requested"
    requested = [
        platform
        for platform in plan.platforms
        if class_of(platform.technology, platform.hypervisor) == platform_class
    ]
    reasons = [_why(platform, workloads) for platform in requested]
    if all(platform.emulated or _has_no_image(platform, workloads) for platform in requested):
        names = " or ".join(f"`{name}`" for name in CLASSES[platform_class])
        reasons.append(f"to measure them, add {names} to `platforms`")
    return "; ".join(reasons)


def _why(platform: PlannedPlatform, workloads: Sequence[str]) -> str:
    if platform.emulated:
        return f"`{platform.name}` is emulated in software, which says nothing about their speed"
    if platform.missing_requirements:
        missing = platform.missing_requirements[0]
        return f"`{platform.name}` cannot run here: {missing.what} ({missing.remedy})"
    if _has_no_image(platform, workloads):
        return f"`{platform.name}` has no image of {' and '.join(workloads)}"
    return f"`{platform.name}` has no valid window"


def _has_no_image(platform: PlannedPlatform, workloads: Sequence[str]) -> bool:
    return set(workloads) <= set(platform.unsupported_workloads)
