# SPDX-License-Identifier: Apache-2.0
"""Draw the workflow's rules and how they depend on each other."""

import html
import sys
from functools import partial
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.system import subprocesses


def draw(output: Path, snakefile: str) -> None:
    """Have Snakemake describe the graph of this run's plan, and Graphviz draw it."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--nolock"]
    described = subprocesses.run(
        [*snakemake, "--quiet", "all", "--rulegraph", "dot"], timeout_s=300
    )
    drawn = subprocesses.run(["dot", "-Tsvg"], stdin=described.stdout, timeout_s=60)
    write_atomic(output, drawn.stdout)


def write_reason(output: Path, reason: str) -> None:
    """Write a figure that says why there is none."""
    text = html.escape(f"could not be drawn: {reason.splitlines()[0]}")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="40">'
    write_atomic(output, f'{svg}<text x="10" y="25">{text}</text></svg>\n')


def main(snakefile: str, output: Path, log: Path, job: str) -> None:
    """Draw the graph; without it, the report is made all the same."""
    parts = {output.stem: output}
    job_runner.make_parts(parts, partial(draw, snakefile=snakefile), write_reason, log=log, job=job)


if __name__ == "__main__":
    job_runner.run(main)
