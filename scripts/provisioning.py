# SPDX-License-Identifier: Apache-2.0
"""Find the link bandwidths at which platforms cross in time to first packet."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from featherbench.jobs import job_runner
from featherbench.statistics.data.emulation import tabulated
from featherbench.statistics.data.table_io import read_parquet, write_csv
from featherbench.statistics.time_to_first_packet import provisioning


def main(given: Namespace) -> None:
    """Read, compute and write."""
    table = tabulated(provisioning, read_parquet(given.samples))
    write_csv(table, given.provisioning)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True, help="the samples, as Parquet")
    parser.add_argument("--provisioning", type=Path, required=True, help="CSV, to be written")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
