# SPDX-License-Identifier: Apache-2.0
"""The files, and parts of files, that are made from the code.

`python tests/generated.py` names those that are stale; with `--fix` it writes them anew.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Callable, Iterator

from featherbench.registry import driver_files
from structure import ROOT, modules, rooms

START, END = "<!-- {name}: made by `make docs` -->", "<!-- end of {name} -->"
KINDS = {
    "technologies": "technology",
    "hypervisors": "hypervisor",
    "workloads": "workload",
    "loadgens": "load generator",
}
WAY = (
    "config/config.yaml",
    "scripts/featherbench/config/loading.py",
    "scripts/featherbench/planning/resolve.py",
    "workflow/rules/cells.smk",
    "scripts/measure.py",
    "scripts/featherbench/jobs/deployment.py",
    "scripts/featherbench/workloads/http.py",
    "scripts/featherbench/measuring/load_windows.py",
    "scripts/featherbench/statistics/data/samples.py",
    "scripts/featherbench/statistics/inference/ratios.py",
    "scripts/featherbench/report/sentences/comparisons.py",
    "scripts/featherbench/report/page.py",
)
"""How one number of `http` comes from the configuration to the report: twelve files at most."""


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring or comment, on one line."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".") + "."


def subject(path: str) -> str:
    """Return what a file is for: the first sentence of its docstring or of its first comment."""
    text = (ROOT / path).read_text()
    if path.endswith(".py"):
        return first_sentence(ast.get_docstring(ast.parse(text)) or "")
    comments = []
    for line in text.splitlines():
        if line.startswith("#") and "SPDX" not in line and "yaml-language-server" not in line:
            comments.append(line.strip("# "))
        elif comments:
            break
    return first_sentence(" ".join(comments))


def layers() -> list[list[str]]:
    """Return the layers that `make check` enforces, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [c for c in settings["contracts"] if c["type"] == "layers"]
    return [line.replace("|", ":").replace(" ", "").split(":") for line in contract["layers"]]


def _layer_rows() -> Iterator[str]:
    needed, files = rooms(with_types=False), modules()
    depth = {name: number for number, layer in enumerate(layers()) for name in layer}
    for number, layer in enumerate(layers()):
        for name in layer:
            path = str(files[name].relative_to(ROOT))
            below = sorted(needed[name], key=lambda other: (depth[other], other))
            link = f"[`{name}`]({path.removesuffix('/__init__.py')})"
            imported = ", ".join(f"`{other}`" for other in below)
            yield f"| {len(layers()) - number} | {link} | {subject(path)} | {imported} |"


ARCHITECTURE = """# Architecture

Made by `make docs` from the packages' docstrings and imports. A test fails when this page is stale.

## Layers

The package is `scripts/featherbench`. A module imports only from layers below its own: `make check`
enforces this, and a new folder needs a layer in `pyproject.toml`. No folders import each other in a
circle, not even for types.

| layer | folder or module | what it is | imports |
|---|---|---|---|
{layers}

Beside the package: `scripts/*.py` (one thin script for each rule), `workflow/rules/*.smk` (the
rules), `resources/` (what images and reports are made from), `tests/` (folders as in the package).

## From the configuration to the report

The way of one number, the throughput of `http` on one platform:

{steps}
"""


def architecture() -> str:
    """Return ARCHITECTURE.md."""
    steps = (f"{n}. [{path}]({path}): {subject(path)}" for n, path in enumerate(WAY, 1))
    return ARCHITECTURE.format(layers="\n".join(_layer_rows()), steps="\n".join(steps))


def schema() -> str:
    """Return config/schema.json."""
    from featherbench.config.json_schema import config_schema  # noqa: PLC0415 - heavy

    return config_schema()


def drivers() -> str:
    """Return the table of drivers."""
    rows = [
        f"| {noun} | `{name}` | {subject(str(file.relative_to(ROOT)))} |"
        for kind, noun in KINDS.items()
        for name, file in sorted(driver_files(kind, ()).items())
    ]
    return "\n".join(["| kind | name | what |", "|---|---|---|", *rows])


def part(path: str, name: str, content: str) -> str:
    """Return a file's text with its part of that name replaced."""
    text = (ROOT / path).read_text()
    before, start, rest = text.partition(START.format(name=name))
    assert start, f"{path} has no part {name!r}"
    end = END.format(name=name)
    return f"{before}{start}\n\n{content}\n\n{end}{rest.partition(end)[2]}"


FILES: dict[str, Callable[[], str]] = {
    "ARCHITECTURE.md": architecture,
    "config/schema.json": schema,
    "docs/extending.md": lambda: part("docs/extending.md", "drivers", drivers()),
}


def is_stale(path: str) -> bool:
    """Tell whether a file is not what the code makes of it now."""
    file = ROOT / path
    return not file.exists() or file.read_text() != FILES[path]()


def main(arguments: list[str]) -> int:
    """Name the stale files, or write them; return 1 if any is stale and was not written."""
    stale = [path for path in FILES if is_stale(path)]
    for path in stale:
        if "--fix" in arguments:
            (ROOT / path).write_text(FILES[path]())
        sys.stdout.write(f"{path}: {'written' if '--fix' in arguments else 'stale'}\n")
    return 1 if stale and "--fix" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
