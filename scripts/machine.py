# SPDX-License-Identifier: Apache-2.0
"""Record the machine that the numbers come from."""

import json
from pathlib import Path

from featherbench.inspection import collect
from featherbench.inspection.environment import check_machine
from featherbench.jobs import job_runner
from featherbench.paths import SCRIPTS
from featherbench.records.machine import MachineRecord


def main(output: Path, begun: Path | None = None, hypervisors: str = "{}") -> None:
    """Write the record that was made when the run began, or else make one.

    `hypervisors` are their settings, as JSON.
    """
    if begun and (record := MachineRecord.read_valid(begun)):
        record.write(output)
        return
    record = collect.collect(
        checkout=SCRIPTS.parent,
        technologies=collect.driver_facts(json.loads(hypervisors)),
        findings=check_machine(results=output.parent),
    )
    record.write(output)


if __name__ == "__main__":
    job_runner.run(main)
