# SPDX-License-Identifier: Apache-2.0
"""Load a deployment's fresh instance until it is warm, and write what load that was."""

from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.jobs.deployment import bench_for, warm_instance
from featherbench.records.cell import Deployment, Warmup
from featherbench.records.job_specs import DeploySpec
from featherbench.testbed.session import session


def main(spec: Path, deployment: Path, output: Path, log: Path, job: str) -> None:
    """Warm up the leased instance, and write the record."""
    request, leased = DeploySpec.read(spec), Deployment.read(deployment)
    with session(request.testbed, request.tuning, what=job) as testbed:
        bench = bench_for(request, testbed, logs=log.parent)
        live = warm_instance(request, leased, bench, testbed)
        Warmup(
            deployment_id=leased.deployment_id,
            instance_id=live.bench.under_test.id,
            duration_s=live.overhead_s["warm-up"],
            load=dict(live.load),
            sequence=testbed.sequence,
        ).write(output)


if __name__ == "__main__":
    job_runner.run(main)
