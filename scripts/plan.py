# SPDX-License-Identifier: Apache-2.0
"""Write the plan: what was requested, and what this machine can run of it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner, progress
from featherbench.records.plan import Plan


def main(options: Namespace) -> None:
    """Check the plan, write it, and show what cannot run."""
    plan = Plan.read(options.spec)
    plan.write(options.output)
    for platform in plan.platforms:
        for missing in platform.missing_requirements:
            progress.show(
                f"{platform.name} cannot run here: {missing.what}\n    remedy: {missing.remedy}"
            )
        if platform.available:
            for workload, missing in platform.unsupported_workloads.items():
                progress.show(f"{platform.name} is not measured by {workload}: {missing.what}")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the plan to write")
    parser.add_argument("--output", type=Path, required=True, help="the plan's file")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
