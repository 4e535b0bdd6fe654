# SPDX-License-Identifier: Apache-2.0
"""The templates of the reports, each of which gives one file that needs nothing but itself."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from featherbench.paths import resource
from featherbench.report import setup
from featherbench.wording import formatting

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = resource("report")


def fill(template: str, context: Mapping[str, Any]) -> str:
    """Fill a template. A name that it uses and `context` lacks is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=formatting.count,
        duration=formatting.duration,
        fraction=formatting.fraction,
        number=formatting.number,
        size=formatting.size,
        compact=setup.compact,
        coded=coded,
        ended=ended,
    )
    return environment.get_template(template).render(context)


def coded(text: str) -> Markup:
    """Show as code what stands between backticks, as in the words of the configuration."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def ended(sentence: str) -> str:
    """End a sentence with a full stop, unless what it quotes at its end brought one along."""
    return sentence if sentence.endswith(".") else sentence + "."


def data_uri(svg: str) -> str:
    """Wrap an SVG so that it can be shown without a file, its ids apart from all others'."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
