# SPDX-License-Identifier: Apache-2.0
"""Build the one Debian root file system that nginx and Redis come from."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.records.job_specs import RootFilesystemSpec
from featherbench.registry import folders_from_environment
from featherbench.rootfs.base import build_root_filesystem
from featherbench.testbed.session import exclusive


def main(options: Namespace) -> None:
    """Build it, and write its record and digest."""
    spec = RootFilesystemSpec.read(options.spec)
    with exclusive(plugins=folders_from_environment(), what=options.job):
        built = build_root_filesystem(spec, tar=options.tar, log=options.log)
    built.write(options.record)
    write_atomic(options.digest, built.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the RootFilesystemSpec")
    parser.add_argument("--tar", type=Path, required=True, help="where the archive goes")
    parser.add_argument("--record", type=Path, required=True, help="where its record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
