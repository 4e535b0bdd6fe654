# SPDX-License-Identifier: Apache-2.0
"""Draw the workflow's rules and how they depend on each other."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.system import subprocesses


def main(options: Namespace) -> None:
    """Have Snakemake describe the graph and Graphviz draw it."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", options.snakefile]
    arguments = ["--configfile", options.configfile, "--nolock", "--quiet", "all"]
    described = subprocesses.run([*snakemake, *arguments, "--rulegraph", "dot"], timeout_s=300)
    drawn = subprocesses.run(["dot", "-Tsvg"], stdin=described.stdout, timeout_s=60)
    write_atomic(options.output, drawn.stdout)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--snakefile", required=True, help="the workflow")
    parser.add_argument("--configfile", required=True, help="its configuration")
    parser.add_argument("--output", type=Path, required=True, help="the picture, as SVG")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
