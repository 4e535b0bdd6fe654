# SPDX-License-Identifier: Apache-2.0
"""Record the machine that the numbers come from."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench import hostfacts, job, plugins
from featherbench.doctor.examination import examine
from featherbench.doctor.properties import Surroundings
from featherbench.errors import FeatherbenchError
from featherbench.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHECKOUT = Path(__file__).parent.parent


def facts(ask: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Ask a driver for its facts; a daemon that does not answer is a fact as well."""
    try:
        return ask()
    except FeatherbenchError as error:
        return {"not available": error.message}


def all_facts(hosts: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Ask the technologies that this host can run, and the hosts that have something to say.

    `hosts` is what the configuration sets of hosts, by name.
    """
    drivers: dict[str, Callable[[], Mapping[str, str]]] = {
        name: technology.facts
        for name in sorted(plugins.driver_files("platforms"))
        if not (technology := plugins.technology(name)).lacks()
    }
    for name in sorted(plugins.driver_files("hosts")):
        host = plugins.host(name)
        drivers[name] = partial(host.facts, host.Settings.model_validate(hosts.get(name, {})))
    found = {name: facts(ask) for name, ask in drivers.items()}
    return {name: told for name, told in found.items() if told}


def main(given: Namespace) -> None:
    """Write the record that was made when the run began, or else make one."""
    if given.begun and given.begun.exists():
        write_whole(given.output, given.begun.read_bytes())
        return
    record = hostfacts.collect(
        checkout=CHECKOUT,
        technologies=all_facts(given.hosts),
        findings=examine(Surroundings(results=given.output.parent)),
    )
    record.write(given.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="the record made when the run began")
    parser.add_argument(
        "--hosts", type=json.loads, default={}, help="what is set of hosts, as JSON"
    )
    parser.add_argument("--output", type=Path, required=True, help="the host record")
    sys.exit(job.run(main, job.arguments(parser)))
