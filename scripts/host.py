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

    from featherbench.hosts.contract import Host
    from featherbench.platforms.contract import Technology

CHECKOUT = Path(__file__).parent.parent


def facts(driver: Technology | Host) -> Mapping[str, str]:
    """Ask a driver for its facts; a daemon that does not answer is a fact as well."""
    try:
        return driver.facts()
    except FeatherbenchError as error:
        return {"not available": error.message}


def all_facts() -> dict[str, Mapping[str, str]]:
    """Ask the technologies that this host can run, and the hosts that have something to say."""
    drivers: dict[str, Technology | Host] = {
        name: technology
        for name in sorted(plugins.driver_files("platforms"))
        if not (technology := plugins.technology(name)).lacks()
    }
    drivers |= {name: plugins.host(name) for name in sorted(plugins.driver_files("hosts"))}
    found = {name: facts(driver) for name, driver in drivers.items()}
    return {name: told for name, told in found.items() if told}


def main(given: Namespace) -> None:
    """Write the record that was made when the run began, or else make one."""
    if given.begun and given.begun.exists():
        write_whole(given.output, given.begun.read_bytes())
        return
    record = hostfacts.collect(
        checkout=CHECKOUT,
        technologies=all_facts(),
        findings=examine(Surroundings(results=given.output.parent)),
    )
    record.write(given.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="the record made when the run began")
    parser.add_argument("--output", type=Path, required=True, help="the host record")
    sys.exit(job.run(main, job.arguments(parser)))
