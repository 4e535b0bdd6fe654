# SPDX-License-Identifier: Apache-2.0
"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from featherbench.figures.catalogue import entries_for
from featherbench.hostfacts import Judgement
from featherbench.report import doubts, numbers, outcome, settings, tables, walltime
from featherbench.report.conclusions import conclude

if TYPE_CHECKING:
    from featherbench.figures.catalogue import Entry
    from featherbench.report.inputs import Inputs

TEMPLATES = Path(__file__).parents[3] / "resources" / "report"
TEMPLATE = "report.html.j2"
DEFAULT_BASELINE = "linux-native"


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A figure with title and caption; `source` is a data URI, None where it was not drawn."""

    name: str
    title: str
    caption: str
    source: str | None


def render(inputs: Inputs) -> str:
    """Give the whole page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=numbers.count,
        duration=numbers.duration,
        fraction=numbers.fraction,
        number=numbers.number,
        size=numbers.size,
        compact=settings.compact,
    )
    return environment.get_template(TEMPLATE).render(_context(inputs))


def data_uri(svg: str) -> str:
    """Wrap an SVG so that it can be shown without a file, its ids apart from all others'."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _context(inputs: Inputs) -> dict[str, Any]:
    return {
        "now_utc": f"{datetime.now(UTC):{walltime.MOMENT}}",
        "inputs": inputs,
        "plan": inputs.plan,
        "host": inputs.host,
        **_what_happened(inputs),
        **_what_it_says(inputs),
        **_how_it_was_made(inputs),
    }


def _what_happened(inputs: Inputs) -> dict[str, Any]:
    plan = inputs.plan
    found = outcome.outcomes(plan, inputs.cells, inputs.failures) if plan else ()
    windows = doubts.judged(inputs.samples, inputs.cells)
    return {
        "states": outcome.state_counts(found),
        "cells_asked": len(found),
        "unmeasured": outcome.unmeasured(found),
        "unavailable": [p for p in plan.platforms if not p.available] if plan else [],
        "other_failures": outcome.other_failures(plan, inputs.failures),
        "windows": len(windows),
        "verdicts": doubts.verdict_counts(windows),
        "doubts": doubts.doubts(windows),
        "wall": walltime.account(inputs.cells),
    }


def _what_it_says(inputs: Inputs) -> dict[str, Any]:
    plan = inputs.plan
    baseline = plan.baseline if plan else DEFAULT_BASELINE
    runnable = [platform.name for platform in plan.platforms if platform.available] if plan else []
    return {
        "conclusions": conclude(inputs.summary, inputs.posthoc, baseline, runnable),
        "illustrations": illustrations(inputs),
        "main_tables": list(tables.summaries(inputs.summary, primary=True)),
        "other_tables": list(tables.summaries(inputs.summary, primary=False)),
        "anova_tables": tables.analyses(inputs.anova),
        "posthoc_tables": list(tables.pairs(inputs.posthoc)),
    }


def _how_it_was_made(inputs: Inputs) -> dict[str, Any]:
    host = inputs.host
    disturbing = (Judgement.NOISY, Judgement.MISSING)
    return {
        "host_facts": settings.host_facts(host) if host else [],
        "advice": [f for f in host.findings if f.judgement in disturbing] if host else [],
        "fingerprints": settings.fingerprints(host, inputs.cells),
        "software": settings.software(host) if host else [],
        "tuning": settings.tuning_in_force(inputs.cells),
        "config": settings.as_yaml(inputs.plan.config) if inputs.plan else "",
        "rulegraph": data_uri(inputs.rulegraph) if inputs.rulegraph else None,
    }


def illustrations(inputs: Inputs) -> list[Illustration]:
    """Give the figures of the plan, whether or not they were drawn; all there are without one."""
    if inputs.plan is None:
        return [_illustration(inputs, name, name.replace("_", " "), "") for name in inputs.figures]
    return [
        _illustration(inputs, entry.name, _numbered(entry), entry.caption)
        for entry in entries_for(inputs.plan)
    ]


def _illustration(inputs: Inputs, name: str, title: str, caption: str) -> Illustration:
    source = data_uri(inputs.figures[name]) if name in inputs.figures else None
    return Illustration(name=name, title=title, caption=caption, source=source)


def _numbered(entry: Entry) -> str:
    """Give the title with the number that the figure has in the paper."""
    figure = entry.name.partition("_")[0].removeprefix("fig")
    return f"Figure {figure}: {entry.title}"
