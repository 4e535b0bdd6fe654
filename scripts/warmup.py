# SPDX-License-Identifier: Apache-2.0
"""Load a deployment's fresh instance until it is warm, and write what load that was."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.deployment import bench_for, warm_instance
from featherbench.records.cell import Deployment, Warmup
from featherbench.records.job_specs import DeploySpec
from featherbench.registry import folders_from_environment
from featherbench.testbed.session import session


def main(options: Namespace) -> None:
    """Warm up the leased instance, and write the record."""
    spec = DeploySpec.read(options.spec)
    deployment = Deployment.read(options.deployment)
    with session(
        spec.testbed, spec.tuning, plugins=folders_from_environment(), what=options.job
    ) as testbed:
        bench = bench_for(spec, testbed, concurrency=1, logs=options.log.parent)
        live = warm_instance(spec, deployment, bench, testbed)
        Warmup(
            deployment_id=deployment.deployment_id,
            instance_id=live.bench.under_test.id,
            duration_s=live.overhead_s["warm-up"],
            load=dict(live.load),
            sequence=testbed.sequence,
        ).write(options.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the DeploySpec")
    parser.add_argument("--deployment", type=Path, required=True, help="the deploy record")
    parser.add_argument("--output", type=Path, required=True, help="the warm-up record")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
