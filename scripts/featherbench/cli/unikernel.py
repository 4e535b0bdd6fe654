# SPDX-License-Identifier: Apache-2.0
"""`python -m featherbench unikernel check FILE`: boot one image once, and say what was seen."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from featherbench import registry
from featherbench.cli import unikernel_check
from featherbench.config.loading import load_config
from featherbench.config.models import TestbedConfig
from featherbench.errors import ConfigError
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import exclusive
from featherbench.testbed.state import current_state
from featherbench.unikernels.settings import Service

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from featherbench.contracts.unikernel_runner import UnikernelRunner

GOOD, NOT_GOOD = 0, 1
BUSY_AFTER_S = 10.0


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("unikernel", help="try an image of a unikernel")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    found = actions.add_parser("check", help="boot one image once, and say what was seen")
    found.add_argument("file", type=Path, help="its description; see docs/unikernels.md")
    found.add_argument(
        "--service", choices=get_args(Service), help="what it is; default: the file's name"
    )
    found.add_argument(
        "--hypervisor", choices=sorted(registry.driver_files("hypervisors")), default="tcg"
    )
    found.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration whose `hypervisors` say where Xen's dom0 is",
    )
    found.add_argument("--within", type=float, default=60.0, metavar="SECONDS")


def _service(arguments: Namespace) -> Service:
    named = arguments.service or arguments.file.stem.partition("-")[0]
    if named not in get_args(Service):
        raise ConfigError(
            f"{arguments.file} does not tell by its name which service it is",
            remedy=f"add --service, one of {', '.join(get_args(Service))}",
        )
    return cast("Service", named)


def _runner(arguments: Namespace) -> UnikernelRunner:
    """Have the host say what runs unikernels there."""
    given = load_config(arguments.config).hypervisors if arguments.config else {}
    hypervisor = registry.load("hypervisors", arguments.hypervisor)
    settings = hypervisor.Settings.model_validate(given.get(arguments.hypervisor, {}))
    name = unikernel_check.Checked.name
    technology = hypervisor.platform(name, unikernel_check.Checked(), settings)
    return cast("unikernel_check.Checked", technology).runner


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(arguments: Namespace) -> int:
    """Check the image. Gives 0 when it can be measured, else 1."""
    service = _service(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with exclusive(plugins=(), what=f"check of {arguments.file}", wait_s=BUSY_AFTER_S):
                wanted = unikernel_check.Check(
                    file=arguments.file,
                    service=service,
                    runner=_runner(arguments),
                    folder=Path(folder),
                    guest_subnet=TestbedConfig().guest_subnet,
                    state=current_state().directory,
                    cpus=tuple(sorted(os.sched_getaffinity(0))),
                    within_s=arguments.within,
                )
                return GOOD if unikernel_check.run(wanted, _say) else NOT_GOOD
        finally:
            release_testbed()
