# SPDX-License-Identifier: Apache-2.0
"""`python -m featherbench doctor`: what this host can run, what is missing, what makes it noisy."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench.config.loading import load_config
from featherbench.inspection.all_checks import examine
from featherbench.inspection.available_drivers import load_generators, platforms
from featherbench.inspection.check import Surroundings
from featherbench.inspection.doctor_report import Checkup, render
from featherbench.planning.plan import make_plan
from featherbench.planning.resolve import resolve

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from featherbench.config.models import Config

BASELINE = "linux-native"
DOES_RUN, DOES_NOT_RUN = 0, 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("doctor", help="what this host can run, and what disturbs it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="also look at the platforms of this file"
    )


def run(arguments: Namespace) -> int:
    """Examine and print. Gives 0 if the baseline can run, else 1."""
    checkup = check(load_config(arguments.config) if arguments.config else None,
                    file=str(arguments.config))  # fmt: skip
    if arguments.json:
        sys.stdout.write(checkup.model_dump_json(indent=2) + "\n")
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(render(checkup, colour=colour))
    return DOES_RUN if checkup.can_run else DOES_NOT_RUN


def check(config: Config | None, *, file: str) -> Checkup:
    """Examine this host, and what it could run of `config`, which was read from `file`."""
    folders = config.plugins if config else ()
    return Checkup(
        baseline=config.baseline.partition("+")[0] if config else BASELINE,
        platforms=platforms(folders, make_plan(resolve(config, file=file)) if config else None),
        load_generators=load_generators(folders),
        machine=examine(_surroundings(config)),
    )


def _surroundings(config: Config | None) -> Surroundings:
    if config is None:
        return Surroundings()
    first = next(ipaddress.IPv4Network(config.testbed.subnet).hosts())
    return Surroundings(address=str(first))
