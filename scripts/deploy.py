# SPDX-License-Identifier: Apache-2.0
"""Start one deployment from nothing, check what it serves, and write its record."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.deployment import bench_for, deploy
from featherbench.records.job_specs import DeploySpec
from featherbench.registry import folders_from_environment
from featherbench.testbed.session import session


def main(options: Namespace) -> None:
    """Start, verify, and write the record."""
    spec = DeploySpec.read(options.spec)
    with session(
        spec.testbed, spec.tuning, plugins=folders_from_environment(), what=options.job
    ) as testbed:
        bench = bench_for(spec, testbed, concurrency=1, logs=options.log.parent)
        deploy(spec, bench, testbed).write(options.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the DeploySpec")
    parser.add_argument("--output", type=Path, required=True, help="the deploy record")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
