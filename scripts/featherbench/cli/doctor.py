# SPDX-License-Identifier: Apache-2.0
"""`featherbench doctor`: what this machine can run, what is missing, and what disturbs it."""

from __future__ import annotations

import ipaddress
import os
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from featherbench.config.loading import load_config
from featherbench.config.models import Config, TestbedConfig
from featherbench.inspection.doctor_report import DoctorReport, load_generators, platforms, render
from featherbench.inspection.environment import check_machine
from featherbench.jobs import try_out
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve

BASELINE = "linux-native"
RUNS, DOES_NOT_RUN = 0, 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser(
        "doctor", help="what this machine can run, and what disturbs measurements"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="also check the platforms of this file"
    )


def run(arguments: Namespace) -> int:
    """Check the machine and print the report. Return 0 if the baseline can run, else 1."""
    config = load_config(arguments.config) if arguments.config else None
    report = examine(config, file=str(arguments.config))
    if arguments.json:
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(render(report, colour=colour))
    return RUNS if report.can_run else DOES_NOT_RUN


def examine(config: Config | None, *, file: str) -> DoctorReport:
    """Return the report on this machine, and on `config`, which was read from `file`."""
    folders = config.plugins if config else ()
    testbed = config.testbed if config else TestbedConfig()
    address = next(ipaddress.IPv4Network(testbed.subnet).hosts())
    plan = None
    if config:
        resolved = resolve(config, file=file)
        plan = make_plan(resolved, try_out.missing(resolved, may_try=False))
    return DoctorReport(
        baseline=config.baseline.partition("+")[0] if config else BASELINE,
        platforms=platforms(folders, plan, try_out.latest()),
        load_generators=load_generators(folders),
        machine=check_machine(address=str(address)),
    )
