# SPDX-License-Identifier: Apache-2.0
"""Decide, after a deployment, whether a platform and workload need more of them."""

from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.stopping import announce, take_look
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec


def main(spec: Path, results: Path, output: Path, previous: Path | None = None) -> None:
    """Read, decide, write, and announce the decision; the first look has no previous one."""
    before = InterimLook.read(previous) if previous else None
    look = take_look(InterimLookSpec.read(spec), before, results=results)
    look.write(output)
    announce(look)


if __name__ == "__main__":
    job_runner.run(main)
