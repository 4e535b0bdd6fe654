# SPDX-License-Identifier: Apache-2.0
"""Build the one Debian root file system that nginx and Redis come from."""

from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.rootfs.base import build_root_filesystem
from featherbench.testbed.session import exclusive


def main(*, spec: Path, tar: Path, record: Path, digest: Path, log: Path, job: str) -> None:
    """Build it, and write its record and digest."""
    with exclusive(what=job):
        built = build_root_filesystem(RootFilesystemSpec.read(spec), tar=tar, log=log)
    built.write(record)
    write_atomic(digest, built.digest + "\n")


if __name__ == "__main__":
    job_runner.run(main)
