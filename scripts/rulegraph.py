# SPDX-License-Identifier: Apache-2.0
"""Draw the workflow's rules and how they depend on each other."""

import sys
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.system import subprocesses


def main(snakefile: str, output: Path) -> None:
    """Have Snakemake describe the graph of this run's plan, and Graphviz draw it."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", snakefile]
    arguments = ["--nolock", "--quiet", "all", "--rulegraph", "dot"]
    described = subprocesses.run([*snakemake, *arguments], timeout_s=300)
    drawn = subprocesses.run(["dot", "-Tsvg"], stdin=described.stdout, timeout_s=60)
    write_atomic(output, drawn.stdout)


if __name__ == "__main__":
    job_runner.run(main)
