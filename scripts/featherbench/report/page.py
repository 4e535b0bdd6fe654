# SPDX-License-Identifier: Apache-2.0
"""The report of a run: one self-contained HTML file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from featherbench.figures.catalogue import FigureSpec, specs_for
from featherbench.records.machine import Judgement
from featherbench.report import setup, suspect_windows, table_groups, what_ran
from featherbench.report.inputs import Inputs
from featherbench.report.questions import Statement, answers
from featherbench.report.run_tables import RunTables
from featherbench.report.sentences.conclusions import (
    conclusions,
    first_packet_sentences,
    network_paths,
)
from featherbench.report.templates import data_uri, fill
from featherbench.statistics.summary import SEQUENTIAL_CONFIDENCE

TEMPLATE = "report.html.j2"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A further section: its template is filled with `context`, its id is `anchor`.

    `statements` are added to the answers to the first question.
    """

    anchor: str
    title: str
    template: str
    context: Mapping[str, Any]
    statements: tuple[Statement, ...] = ()


def render(inputs: Inputs, sections: Sequence[Section] = ()) -> str:
    """Return the page, with further sections after the tables."""
    main, emulated = (RunTables(inputs, emulated=emulated) for emulated in (False, True))
    separate = _results(inputs, emulated, emulated=True)
    earlier = [statement for section in sections for statement in section.statements]
    return fill(
        TEMPLATE,
        {
            "now_utc": f"{datetime.now(UTC):{what_ran.MOMENT}}",
            "inputs": inputs,
            "plan": inputs.plan,
            "machine": inputs.machine,
            "further_sections": sections,
            "further_anchors": [(section.anchor, section.title) for section in sections],
            "answers": answers(main, earlier),
            "said": _results(inputs, main, emulated=False),
            "emulated": separate if separate["platforms"] else None,
            **_what_ran(inputs),
            **_how_it_was_made(inputs),
        },
    )


def _what_ran(inputs: Inputs) -> dict[str, Any]:
    plan = inputs.plan
    planned = plan.platforms if plan else ()
    outcomes = what_ran.cell_outcomes(plan, inputs.cells, inputs.failures) if plan else ()
    windows = suspect_windows.window_qualities(inputs.samples, inputs.cells)
    return {
        "states": Counter(outcome.state for outcome in outcomes),
        "cells_requested": len(outcomes),
        "unmeasured": what_ran.unmeasured(outcomes),
        "unavailable": [one for one in planned if not one.available],
        "without_probe": what_ran.without_probe(inputs.cells),
        "with_unsupported": [one for one in planned if one.available and one.unsupported_workloads],
        "stopping_tables": what_ran.stopping_table(plan, inputs.looks),
        "sequential_percent": 100 * SEQUENTIAL_CONFIDENCE,
        "other_failures": what_ran.other_failures(plan, inputs.failures),
        "windows": len(windows),
        "verdicts": Counter(window["verdict"] for window in windows),
        "issues": suspect_windows.quality_issues(windows),
        "wall": what_ran.wall_time(inputs.cells),
    }


def _results(inputs: Inputs, run: RunTables, *, emulated: bool) -> dict[str, Any]:
    """Return sentences, figures and tables of emulated platforms, or of all others."""
    names = [platform.name for platform in run.platforms]
    requested = {
        workload.name: [one.name for one in run.platforms if one.runs(workload.name)]
        for workload in (inputs.plan.workloads if inputs.plan else ())
    }
    return {
        "prefix": "emulated-" if emulated else "",
        "platforms": names or list(dict.fromkeys(run["summary"].get("platform", ()))),
        "conclusions": conclusions(run, requested),
        "costs": inputs.attempt("CPU time per request", lambda: table_groups.request_costs(run)),
        "margin_percent": f"{100 * inputs.plan.margin:g}" if inputs.plan else "?",
        "precision_percent": f"{100 * inputs.plan.precision:g}" if inputs.plan else "?",
        "network_paths": network_paths(run.platforms, run.baseline),
        "provisioning": first_packet_sentences(run.samples, inputs.metrics),
        "illustrations": illustrations(inputs, emulated=emulated),
        "groups": table_groups.shown(run),
        "check_tables": inputs.attempt("Checks", lambda: table_groups.check_results(run)),
        "n_checks": len(run["checks"]),
    }


def _how_it_was_made(inputs: Inputs) -> dict[str, Any]:
    machine = inputs.machine
    disturbing = (Judgement.NOISY, Judgement.MISSING)
    return {
        "machine_facts": setup.machine_facts(machine) if machine else [],
        "advice": [one for one in machine.findings if one.judgement in disturbing]
        if machine
        else [],
        "fingerprints": setup.fingerprints(machine, inputs.cells),
        "software": setup.software(machine) if machine else [],
        "tuning": setup.tuning_in_force(inputs.cells),
        "config": setup.as_yaml(inputs.plan.config) if inputs.plan else "",
        "rulegraph": data_uri(inputs.rulegraph) if inputs.rulegraph else None,
    }


def illustrations(inputs: Inputs, *, emulated: bool) -> list[dict[str, str | None]]:
    """Return the figures of the plan, drawn or not; without a plan, all that were drawn."""
    if inputs.plan is None:
        names = [] if emulated else list(inputs.figures)
        return [illustration(inputs.figures, name, name.replace("_", " "), "") for name in names]
    return [
        numbered(entry, inputs.figures) | {"failure": inputs.failure_of(f"plot/{entry.name}")}
        for entry in specs_for(inputs.plan)
        if entry.emulated == emulated
    ]


def illustration(
    figures: Mapping[str, str], name: str, title: str, caption: str
) -> dict[str, str | None]:
    """Return a figure from its SVG text; `source` is a data URI, or None if it was not drawn."""
    source = data_uri(figures[name]) if name in figures else None
    return {"name": name, "title": title, "caption": caption, "source": source, "failure": ""}


def numbered(entry: FigureSpec, figures: Mapping[str, str]) -> dict[str, str | None]:
    """Return a figure with its number in the title, which is the paper's for its figures."""
    number = entry.name.partition("_")[0].removeprefix("fig")
    return illustration(figures, entry.name, f"Figure {number}: {entry.title}", entry.caption)
