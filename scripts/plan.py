# SPDX-License-Identifier: Apache-2.0
"""Write the plan: what was requested, and what this machine can run of it."""

from pathlib import Path

from featherbench.jobs import job_runner, progress
from featherbench.records.plan import Plan


def main(spec: Path, output: Path) -> None:
    """Check the plan, write it, and show what cannot run."""
    plan = Plan.read(spec)
    plan.write(output)
    for platform in plan.platforms:
        for missing in platform.missing_requirements:
            progress.show(
                f"{platform.name} cannot run here: {missing.what}\n    remedy: {missing.remedy}"
            )
        if platform.available:
            for workload, missing in platform.unsupported_workloads.items():
                progress.show(f"{platform.name} is not measured by {workload}: {missing.what}")


if __name__ == "__main__":
    job_runner.run(main)
