# SPDX-License-Identifier: Apache-2.0
"""Start one deployment from nothing, check what it serves, and write its record."""

from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.deployment import bench_for, deploy
from featherbench.records.job_specs import DeploySpec
from featherbench.testbed.session import session


def main(spec: Path, output: Path, log: Path, job: str) -> None:
    """Start, verify, and write the record."""
    request = DeploySpec.read(spec)
    with session(request.testbed, request.tuning, what=job) as testbed:
        bench = bench_for(request, testbed, logs=log.parent)
        deploy(request, bench, testbed).write(output)


if __name__ == "__main__":
    job_runner.run(main)
