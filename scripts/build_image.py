# SPDX-License-Identifier: Apache-2.0
"""Build the image of one service for one technology."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.jobs.build import build_image
from featherbench.records.job_specs import ImageSpec


def main(options: Namespace) -> None:
    """Build the image, and write its record and digest."""
    spec = ImageSpec.read(options.spec)
    image = build_image(
        spec,
        root_filesystems=options.root_filesystems,
        into=options.record.parent / spec.service,
        job=options.job,
    )
    image.write(options.record)
    write_atomic(options.digest, image.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the ImageSpec")
    parser.add_argument(
        "--root-filesystems",
        type=Path,
        nargs="*",
        default=[],
        help="the records of the root file systems, in the technology's order",
    )
    parser.add_argument("--record", type=Path, required=True, help="the image's record")
    parser.add_argument("--digest", type=Path, required=True, help="its digest")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
