# SPDX-License-Identifier: Apache-2.0
"""Decide, after a deployment, whether a platform and workload need more of them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.stopping import announce, take_look
from featherbench.records.stopping_decisions import InterimLook, InterimLookSpec


def main(options: Namespace) -> None:
    """Read, decide, write, and announce the decision."""
    spec = InterimLookSpec.read(options.spec)
    previous = InterimLook.read(options.previous) if options.previous else None
    look = take_look(spec, previous, results=options.results)
    look.write(options.output)
    announce(look)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the InterimLookSpec")
    parser.add_argument("--previous", type=Path, help="the previous look, unless this is the first")
    parser.add_argument("--results", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--output", type=Path, required=True, help="the look's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
