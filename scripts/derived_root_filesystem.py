# SPDX-License-Identifier: Apache-2.0
"""Build a derived root file system: with an init system, a kernel, a container engine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.registry import folders_from_environment
from featherbench.rootfs.derived import build_derived_root_filesystem
from featherbench.rootfs.descriptions import DerivedRootFilesystemSpec
from featherbench.testbed.session import exclusive


def main(options: Namespace) -> None:
    """Build it, and write its record and digest."""
    spec = DerivedRootFilesystemSpec.read(options.spec)
    with exclusive(plugins=folders_from_environment(), what=options.job):
        built = build_derived_root_filesystem(
            spec, base=options.base, tar=options.tar, log=options.log
        )
    built.write(options.record)
    write_atomic(options.digest, built.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the DerivedRootFilesystemSpec")
    parser.add_argument(
        "--base", type=Path, required=True, help="the archive that it is derived from"
    )
    parser.add_argument("--tar", type=Path, required=True, help="where the archive goes")
    parser.add_argument("--record", type=Path, required=True, help="where its record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
