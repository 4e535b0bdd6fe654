# SPDX-License-Identifier: Apache-2.0
"""Build a derived root file system: with an init system, a kernel, a container engine."""

from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.rootfs.derived import build_derived_root_filesystem
from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec
from featherbench.testbed.session import exclusive


def main(
    *, spec: Path, base: Path, tar: Path, record: Path, digest: Path, log: Path, job: str
) -> None:
    """Build it from the archive `base`, and write its record and digest."""
    request = DerivedRootFilesystemSpec.read(spec)
    with exclusive(what=job):
        built = build_derived_root_filesystem(request, base=base, tar=tar, log=log)
    built.write(record)
    write_atomic(digest, built.digest + "\n")


if __name__ == "__main__":
    job_runner.run(main)
