# SPDX-License-Identifier: Apache-2.0
"""The templates of the reports; each report is one self-contained file."""

import base64
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from featherbench.paths import resource
from featherbench.report import setup
from featherbench.wording import formatting, phrases

TEMPLATES = resource("report")


def fill(template: str, context: Mapping[str, Any]) -> str:
    """Return the filled template. Raise UndefinedError if it uses a name that `context` lacks."""
    return _environment().get_template(template).render(context)


@cache
def _environment() -> jinja2.Environment:
    """Return the environment, which keeps compiled templates."""
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
        coded=code_spans,
        sentence=with_full_stop,
        capitalized=phrases.capitalized,
    )
    return environment


def code_spans(text: str) -> Markup:
    """Return text with the parts between backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def with_full_stop(sentence: str) -> str:
    """Return a sentence that ends with a full stop."""
    return sentence if sentence.endswith(".") else sentence + "."


def data_uri(svg: str) -> str:
    """Return an SVG as a data URI, which also keeps its ids apart from those of the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
