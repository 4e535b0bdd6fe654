# SPDX-License-Identifier: Apache-2.0
"""`featherbench unikernel check FILE`: boot one image once, and report what is observed."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import cast, get_args

from featherbench import registry
from featherbench.cli import unikernel_check
from featherbench.config.loading import load_config
from featherbench.config.models import DEFAULT_CONCURRENCY, Config, WorkloadConfig
from featherbench.contracts.vm_runner import VmRunner
from featherbench.errors import ConfigError
from featherbench.paths import SCRIPTS
from featherbench.records.job_specs import TestbedSpec
from featherbench.records.tuning import Tuning
from featherbench.testbed.reservation import release_testbed
from featherbench.testbed.session import session
from featherbench.unikernels.description_loader import Service

GOOD, NOT_GOOD = 0, 1
DEFAULT_CONFIG = SCRIPTS.parent / "config/config.yaml"
BUSY_AFTER_S = 10.0


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("unikernel", help="try an image of a unikernel")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="boot one image once, and report what is observed")
    check.add_argument("file", type=Path, help="its description; see docs/unikernels.md")
    check.add_argument(
        "--service", choices=get_args(Service), help="its service; default: by the file's name"
    )
    check.add_argument(
        "--hypervisor", choices=sorted(registry.driver_files("hypervisors")), default="tcg"
    )
    check.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration that it is for: hypervisors, networks, file size, connections;"
        " default: the one that comes with featherbench",
    )
    check.add_argument(
        "--connections",
        type=int,
        metavar="N",
        help="open so many at once; default: the most that the configuration measures with",
    )
    check.add_argument("--within", type=float, default=60.0, metavar="SECONDS")


def _service(arguments: Namespace) -> Service:
    service = arguments.service or arguments.file.stem.partition("-")[0]
    if service not in get_args(Service):
        raise ConfigError(
            f"the name of {arguments.file} does not say which service it is",
            remedy=f"add --service, one of {', '.join(get_args(Service))}",
        )
    return cast("Service", service)


def _runner(name: str, config: Config) -> VmRunner:
    """Return what the hypervisor runs users' images with."""
    hypervisor = registry.load("hypervisors", name)
    settings = hypervisor.Settings.model_validate(config.hypervisors.get(name, {}))
    checked = unikernel_check.CheckedUnikernel
    technology = hypervisor.platform(checked.name, checked(), settings)
    return cast("unikernel_check.CheckedUnikernel", technology).runner


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(arguments: Namespace) -> int:
    """Check the image. Return 0 if it can be measured, else 1."""
    service, config = _service(arguments), load_config(arguments.config or DEFAULT_CONFIG)
    workload = config.workloads.get(service, WorkloadConfig())
    settings = registry.load("workloads", service).Settings.model_validate(workload.settings)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with session(
                TestbedSpec(**config.testbed.model_dump()),
                Tuning(net_sysctls={}, nofile=config.tuning.nofile),
                what=f"check of {arguments.file}",
                sequence_file=Path(folder) / "sequence",
                wait_s=BUSY_AFTER_S,
            ) as testbed:
                check = unikernel_check.Check(
                    file=arguments.file,
                    service=service,
                    runner=_runner(arguments.hypervisor, config),
                    folder=Path(folder),
                    client=testbed.client,
                    placement=testbed.placement,
                    workload_settings=settings,
                    connections=arguments.connections
                    or max(workload.concurrency or DEFAULT_CONCURRENCY),
                    within_s=arguments.within,
                )
                return GOOD if unikernel_check.run(check, _write) else NOT_GOOD
        finally:
            release_testbed()
