# SPDX-License-Identifier: Apache-2.0
"""Make a root file system over another: with an init system, a kernel, a container engine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.files import write_atomic
from featherbench.jobs import job_runner
from featherbench.registry import folders_from_environment
from featherbench.rootfs.derive import build_root_variant
from featherbench.rootfs.variants import RootVariantSpec
from featherbench.testbed.session import alone


def main(given: Namespace) -> None:
    """Make it, and write its record and digest."""
    spec = RootVariantSpec.model_validate_json(given.spec)
    with alone(plugins=folders_from_environment(), what=given.job):
        built = build_root_variant(spec, below=given.below, tar=given.tar, log=given.log)
    built.write(given.record)
    write_atomic(given.digest, built.digest + "\n")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--spec", required=True, help="a RootVariantSpec as JSON")
    parser.add_argument("--below", type=Path, required=True, help="the archive it is made over")
    parser.add_argument("--tar", type=Path, required=True, help="where the archive goes")
    parser.add_argument("--record", type=Path, required=True, help="where its record goes")
    parser.add_argument("--digest", type=Path, required=True, help="where its digest goes")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
