# SPDX-License-Identifier: Apache-2.0
"""Build the image of one service for one technology."""

from collections.abc import Sequence
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.jobs.build import build_image
from featherbench.records.job_specs import ImageSpec


def main(
    spec: Path, record: Path, digest: Path, job: str, root_filesystems: Sequence[Path] = ()
) -> None:
    """Build the image, and write its record and digest.

    `root_filesystems` are records, in the technology's order.
    """
    request = ImageSpec.read(spec)
    into = record.parent / request.service
    image = build_image(request, root_filesystems=root_filesystems, into=into, job=job)
    image.write(record)
    write_atomic(digest, image.digest + "\n")


if __name__ == "__main__":
    job_runner.run(main)
