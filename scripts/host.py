# SPDX-License-Identifier: Apache-2.0
"""Record the machine that the numbers come from."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from featherbench import hostfacts, job, plugins
from featherbench.doctor.examination import examine
from featherbench.doctor.properties import Surroundings
from featherbench.errors import FeatherbenchError
from featherbench.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).parent.parent


def facts(name: str) -> Mapping[str, str]:
    """Ask a technology for its facts; a daemon that does not answer is a fact as well."""
    try:
        return plugins.technology(name).facts()
    except FeatherbenchError as error:
        return {"not available": error.message}


def main(given: Namespace) -> None:
    """Write the record that was made when the run began, or else make one."""
    if given.begun and given.begun.exists():
        write_whole(given.output, given.begun.read_bytes())
        return
    known = sorted(plugins.driver_files("platforms"))
    record = hostfacts.collect(
        checkout=CHECKOUT,
        technologies={name: facts(name) for name in known if not plugins.technology(name).lacks()},
        findings=examine(Surroundings(results=given.output.parent)),
    )
    record.write(given.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="the record made when the run began")
    parser.add_argument("--output", type=Path, required=True, help="the host record")
    sys.exit(job.run(main, job.arguments(parser)))
