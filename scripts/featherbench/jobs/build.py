# SPDX-License-Identifier: Apache-2.0
"""Builds the image of one service for one technology."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from featherbench import registry
from featherbench.contracts.technology import BuildRequest
from featherbench.records.instance import Image
from featherbench.records.job_specs import ImageSpec
from featherbench.rootfs.base import root_archive
from featherbench.testbed.session import exclusive
from featherbench.testbed.state import current_state


def build_image(
    spec: ImageSpec, *, root_filesystems: Sequence[Path], into: Path, job: str
) -> Image:
    """Build an image in the folder `into`, which is emptied once this job has the testbed.

    `root_filesystems` are records, in the order of the technology's `root_filesystems`.
    """
    technology = registry.platform(spec.technology, spec.hypervisor)
    assert technology is not None, f"{spec.hypervisor} cannot run {spec.technology}"
    workload = registry.load("workloads", spec.files_for.name)
    records = zip(technology.root_filesystems, root_filesystems, strict=True)
    request = BuildRequest(
        service=spec.service,
        into=into,
        root_filesystems={name: root_archive(record) for name, record in records},
        files=workload.files(workload.Settings.model_validate(spec.files_for.settings)),
        state=current_state().directory,
        build_inputs=spec.build_inputs,
    )
    with exclusive(what=job):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        return technology.build_image(request)
