# SPDX-License-Identifier: Apache-2.0
"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from featherbench.figures.catalogue import entries_for
from featherbench.records.cell import StampedBy
from featherbench.records.machine import Judgement
from featherbench.report import (
    cell_status,
    network_paths,
    paper_claims,
    paper_comparison,
    sequential,
    setup,
    suspect_windows,
    tables,
    time_to_first_packet,
    walltime,
)
from featherbench.report.emulation import part, with_baseline
from featherbench.report.phases import phases
from featherbench.report.questions import Finding, answers
from featherbench.report.sentences.comparisons import conclude
from featherbench.report.templates import data_uri, fill
from featherbench.statistics.summary import SEQUENTIAL_CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from featherbench.figures.catalogue import Entry
    from featherbench.figures.further import Further
    from featherbench.records.cell import Cell
    from featherbench.records.plan import Plan, PlannedPlatform
    from featherbench.report.inputs import Inputs
    from featherbench.report.questions import Answer

TEMPLATE = "report.html.j2"
DEFAULT_BASELINE = "linux-native"
PAPER_SECTION = "paper"


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A figure with title and caption; `source` is a data URI, None where it was not drawn."""

    name: str
    title: str
    caption: str
    source: str | None


def render(inputs: Inputs) -> str:
    """Give the whole page."""
    return fill(TEMPLATE, _context(inputs))


def _context(inputs: Inputs) -> dict[str, Any]:
    return {
        "now_utc": f"{datetime.now(UTC):{walltime.MOMENT}}",
        "inputs": inputs,
        "plan": inputs.plan,
        "machine": inputs.machine,
        **_what_happened(inputs),
        **_what_it_says(inputs),
        **_how_it_was_made(inputs),
    }


def _what_happened(inputs: Inputs) -> dict[str, Any]:
    plan = inputs.plan
    found = cell_status.outcomes(plan, inputs.cells, inputs.failures) if plan else ()
    windows = suspect_windows.judged(inputs.samples, inputs.cells)
    return {
        "states": cell_status.state_counts(found),
        "cells_asked": len(found),
        "unmeasured": cell_status.unmeasured(found),
        "unavailable": [p for p in plan.platforms if not p.available] if plan else [],
        "without_probe": without_probe(inputs.cells),
        "unsupported_workloads": [
            p for p in plan.platforms if p.available and p.unsupported_workloads
        ]
        if plan
        else [],
        "enough_tables": sequential.enough(plan, inputs.looks),
        "watched_percent": 100 * SEQUENTIAL_CONFIDENCE,
        "other_failures": cell_status.other_failures(plan, inputs.failures),
        "windows": len(windows),
        "verdicts": suspect_windows.verdict_counts(windows),
        "doubts": suspect_windows.doubts(windows),
        "wall": walltime.account(inputs.cells),
    }


def without_probe(cells: Sequence[Cell]) -> list[str]:
    """Name the platforms whose starts were timed to a first packet that is no probe's."""
    return sorted(
        {
            cell.coordinates.platform
            for cell in cells
            if any(
                window.notes.get("stamped_by") == StampedBy.FIRST_FRAME for window in cell.windows
            )
        }
    )


def _what_it_says(inputs: Inputs) -> dict[str, Any]:
    """Say it of platforms that are emulated in software, if there are any, and of all others."""
    found = {which: _said(inputs, emulated=which) for which in (False, True)}
    return {
        "said": found[False],
        "emulated": found[True] if found[True]["platforms"] else None,
        "answers": _answers(inputs),
        "earlier": paper_comparison.whole(inputs.paper_comparison),
        "beside": list(paper_comparison.metric_by_metric(inputs.paper_comparison)),
        "obstacles": list(paper_comparison.obstacles(inputs.paper_comparison)),
        "claim_tables": paper_claims.verdicts(inputs.paper_claims),
        "claims": paper_claims.held(inputs.paper_claims),
        "claims_whole": paper_claims.whole(inputs.paper_claims),
        "setup_tables": paper_comparison.setup(inputs.paper_setup),
    }


def _answers(inputs: Inputs) -> tuple[Answer, ...]:
    """Answer the paper's questions, for platforms that are not emulated."""
    held = (
        paper_comparison.whole(inputs.paper_comparison)
        or "nothing in this run can be compared with them"
    )
    links = ((PAPER_SECTION, "beside the paper"),)
    found = [Finding(subject="Earlier results", text=held, links=links)]
    if judged := paper_claims.whole(inputs.paper_claims):
        links = ((paper_claims.ANCHOR, "claim by claim"),)
        found.append(Finding(subject="The paper’s claims", text=judged, links=links))  # noqa: RUF001
    return answers(part(inputs, emulated=False), _baseline(inputs.plan), found)


def _baseline(plan: Plan | None) -> str:
    return plan.baseline if plan else DEFAULT_BASELINE


def _said(inputs: Inputs, *, emulated: bool) -> dict[str, Any]:
    plan, own = inputs.plan, part(inputs, emulated=emulated)
    baseline = _baseline(plan)
    platforms = [one.name for one in _planned(plan, emulated=emulated)]
    summary = with_baseline(own.summary, inputs.summary, baseline) if emulated else own.summary
    return {
        "prefix": "emulated-" if emulated else "",
        "platforms": platforms or list(dict.fromkeys(own.summary.get("platform", ()))),
        "conclusions": conclude(summary, own.ratios, baseline, _asked(plan, emulated=emulated)),
        "margin": plan.margin if plan else math.nan,
        "precision": plan.precision if plan else math.nan,
        "ways": network_paths.differing(_planned(plan, emulated=emulated), baseline),
        "provisioning": time_to_first_packet.sentences(own.samples, own.metrics),
        "illustrations": illustrations(inputs, emulated=emulated),
        **_tables(own),
    }


def _asked(plan: Plan | None, *, emulated: bool) -> dict[str, list[str]]:
    """Give, by workload, the platforms that it was to measure."""
    return {
        workload.name: [
            one.name for one in _planned(plan, emulated=emulated) if one.runs(workload.name)
        ]
        for workload in (plan.workloads if plan else ())
    }


def _planned(plan: Plan | None, *, emulated: bool) -> list[PlannedPlatform]:
    """Give the platforms that could run."""
    planned = plan.platforms if plan else ()
    return [one for one in planned if one.available and one.emulated == emulated]


def _tables(own: Inputs) -> dict[str, Any]:
    return {
        "main_tables": list(tables.summaries(own.summary, primary=True)),
        "other_tables": list(tables.summaries(own.summary, primary=False)),
        "phase_tables": phases(own.summary),
        "ratio_tables": list(tables.ratios(own.ratios)),
        "level_tables": tables.by_level(own.levels),
        "component_tables": tables.variations(own.components),
        "anova_tables": tables.analyses(own.anova),
        "crossing_tables": time_to_first_packet.crossings(own.samples, own.metrics),
        "posthoc_tables": list(tables.pairs(own.posthoc)),
        "check_tables": tables.findings(own.checks),
        "checked": len(own.checks),
    }


def _how_it_was_made(inputs: Inputs) -> dict[str, Any]:
    machine = inputs.machine
    disturbing = (Judgement.NOISY, Judgement.MISSING)
    return {
        "machine_facts": setup.machine_facts(machine) if machine else [],
        "advice": [f for f in machine.findings if f.judgement in disturbing] if machine else [],
        "fingerprints": setup.fingerprints(machine, inputs.cells),
        "software": setup.software(machine) if machine else [],
        "tuning": setup.tuning_in_force(inputs.cells),
        "config": setup.as_yaml(inputs.plan.config) if inputs.plan else "",
        "rulegraph": data_uri(inputs.rulegraph) if inputs.rulegraph else None,
    }


def illustrations(inputs: Inputs, *, emulated: bool) -> list[Illustration]:
    """Give the figures of the plan, whether or not they were drawn; all there are without one."""
    if inputs.plan is None:
        names = [] if emulated else list(inputs.figures)
        return [_illustration(inputs, name, name.replace("_", " "), "") for name in names]
    return [
        _illustration(inputs, entry.name, numbered(entry), entry.caption)
        for entry in entries_for(inputs.plan)
        if entry.emulated == emulated
    ]


def _illustration(inputs: Inputs, name: str, title: str, caption: str) -> Illustration:
    source = data_uri(inputs.figures[name]) if name in inputs.figures else None
    return Illustration(name=name, title=title, caption=caption, source=source)


def numbered(entry: Entry | Further) -> str:
    """Give the title with the figure's number, which is the paper's where it is in the paper."""
    figure = entry.name.partition("_")[0].removeprefix("fig")
    return f"Figure {figure}: {entry.title}"
