# SPDX-License-Identifier: Apache-2.0
"""Build the image of one app for one technology."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import registry
from featherbench.contracts.technology import BuildRequest
from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.records.job_specs import ImageSpec
from featherbench.registry import folders_from_environment
from featherbench.rootfs.base import root_archive
from featherbench.testbed.session import alone
from featherbench.testbed.state import current_state

if TYPE_CHECKING:
    from collections.abc import Mapping


def request_for(
    spec: ImageSpec, *, root_filesystems: Mapping[str, Path], into: Path
) -> BuildRequest:
    """Return what to build; `root_filesystems` are their records by name."""
    workload = registry.load("workloads", spec.files_for.name)
    return BuildRequest(
        service=spec.service,
        into=into,
        root_filesystems={name: root_archive(record) for name, record in root_filesystems.items()},
        files=workload.files(workload.Settings.model_validate(spec.files_for.settings)),
        state=current_state().directory,
        build_inputs=spec.build_inputs,
    )


def main(given: Namespace) -> None:
    """Build, record."""
    spec = ImageSpec.model_validate_json(given.spec)
    into: Path = given.record.parent / spec.service
    technology = registry.platform(spec.technology, spec.hypervisor)
    assert technology is not None, f"{spec.hypervisor} cannot run {spec.technology}"
    records = dict(zip(technology.root_filesystems, given.root_filesystems, strict=True))
    with alone(plugins=folders_from_environment(), what=given.job):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        image = technology.build_image(request_for(spec, root_filesystems=records, into=into))
    image.write(given.record)
    write_atomic(given.digest, image.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", required=True, help="an ImageSpec as JSON")
    parser.add_argument(
        "--root-filesystems",
        type=Path,
        nargs="*",
        default=[],
        help="the records of the root file systems, in the technology's order",
    )
    parser.add_argument("--record", type=Path, required=True, help="where the image's record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
