# SPDX-License-Identifier: Apache-2.0
"""Build the image of one app for one technology."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import job, plugins
from featherbench.files import write_whole
from featherbench.platforms.contract import BuildOrder, Root
from featherbench.plugins import folders_from_environment
from featherbench.rootfs import RootFilesystem
from featherbench.spec import ImageSpec
from featherbench.testbed.session import alone
from featherbench.testbed.state import current_state

if TYPE_CHECKING:
    from collections.abc import Mapping


def _root(record: Path) -> Root:
    built = RootFilesystem.read(record)
    return Root(
        tar=record.with_suffix(".tar"),
        digest=built.digest,
        versions=built.versions,
        compressed_bytes=built.compressed_bytes,
    )


def order_for(spec: ImageSpec, *, roots: Mapping[str, Path], into: Path) -> BuildOrder:
    """Say what to build; `roots` are the records of the root file systems, by name."""
    workload = plugins.workload(spec.files_for.name)
    return BuildOrder(
        app=spec.app,
        into=into,
        roots={name: _root(record) for name, record in roots.items()},
        files=workload.files(workload.Settings.model_validate(spec.files_for.settings)),
        state=current_state().directory,
        recipe=spec.recipe,
    )


def main(given: Namespace) -> None:
    """Build, record."""
    spec = ImageSpec.model_validate_json(given.spec)
    into: Path = given.record.parent / spec.app
    technology = plugins.runnable_platform(spec.technology, spec.host)
    roots = dict(zip(technology.root_filesystems, given.roots, strict=True))
    with alone(plugins=folders_from_environment(), what=given.job):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        image = technology.build_image(order_for(spec, roots=roots, into=into))
    image.write(given.record)
    write_whole(given.digest, image.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", required=True, help="an ImageSpec as JSON")
    parser.add_argument(
        "--roots",
        type=Path,
        nargs="*",
        default=[],
        help="the records of the root file systems, in the technology's order",
    )
    parser.add_argument("--record", type=Path, required=True, help="where the image's record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job.run(main, job.arguments(parser)))
