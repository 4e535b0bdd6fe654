# SPDX-License-Identifier: Apache-2.0
"""Write what was asked for, and what this host can run of it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.records.plan import Plan


def main(given: Namespace) -> None:
    """Check it and write it."""
    plan = Plan.read(given.spec)
    plan.write(given.output)
    for platform in plan.platforms:
        for lack in platform.missing_requirements:
            sys.stdout.write(
                f"{platform.name} cannot run here: {lack.what}\n    remedy: {lack.remedy}\n"
            )
        for workload, lack in platform.unsupported_workloads.items() if platform.available else ():
            sys.stdout.write(f"{platform.name} is not measured by {workload}: {lack.what}\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the plan to write")
    parser.add_argument("--output", type=Path, required=True, help="the plan's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
