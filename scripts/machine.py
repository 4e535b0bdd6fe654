# SPDX-License-Identifier: Apache-2.0
"""Record the machine that the numbers come from."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.inspection import collect
from featherbench.inspection.all_checks import check_machine
from featherbench.inspection.check import CheckContext
from featherbench.jobs import job_runner
from featherbench.jobs.machine_facts import driver_facts
from featherbench.paths import SCRIPTS


def main(options: Namespace) -> None:
    """Write the record that was made when the run began, or else make one."""
    if options.begun and options.begun.exists():
        write_atomic(options.output, options.begun.read_bytes())
        return
    record = collect.collect(
        checkout=SCRIPTS.parent,
        technologies=driver_facts(options.hypervisors),
        findings=check_machine(CheckContext(results=options.output.parent)),
    )
    record.write(options.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="the record made when the run began")
    parser.add_argument(
        "--hypervisors", type=json.loads, default={}, help="their settings, as JSON"
    )
    parser.add_argument("--output", type=Path, required=True, help="the machine's record")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
