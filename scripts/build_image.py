# SPDX-License-Identifier: Apache-2.0
"""Build the image of one app for one technology."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench import job, plugins
from featherbench.files import write_whole
from featherbench.platforms.contract import BuildOrder
from featherbench.plugins import folders_from_environment
from featherbench.rootfs import RootFilesystem
from featherbench.spec import ImageSpec
from featherbench.testbed.session import alone


def order_for(spec: ImageSpec, *, root: Path | None, into: Path) -> BuildOrder:
    """Say what to build; `root` is the record of the root file system, if it is needed."""
    workload = plugins.workload(spec.files_for.name)
    built = RootFilesystem.read(root) if root else None
    return BuildOrder(
        app=spec.app,
        into=into,
        root_tar=root.with_suffix(".tar") if root else None,
        root_digest=built.digest if built else "",
        root_versions=built.versions if built else {},
        root_compressed_bytes=built.compressed_bytes if built else None,
        files=workload.files(workload.Settings.model_validate(spec.files_for.settings)),
    )


def main(given: Namespace) -> None:
    """Build, record."""
    spec = ImageSpec.model_validate_json(given.spec)
    into: Path = given.record.parent / spec.app
    technology = plugins.technology(spec.technology)
    with alone(plugins=folders_from_environment(), what=given.job):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        image = technology.build_image(order_for(spec, root=given.root, into=into))
    image.write(given.record)
    write_whole(given.digest, image.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", required=True, help="an ImageSpec as JSON")
    parser.add_argument("--root", type=Path, help="the record of the root file system")
    parser.add_argument("--record", type=Path, required=True, help="where the image's record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job.run(main, job.arguments(parser)))
