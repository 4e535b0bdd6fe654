# SPDX-License-Identifier: Apache-2.0
"""Record the machine that the numbers come from."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featherbench import registry
from featherbench.errors import FeatherbenchError
from featherbench.files import write_atomic
from featherbench.inspection import collect
from featherbench.inspection.all_checks import examine
from featherbench.inspection.check import Surroundings
from featherbench.jobs import job_runner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHECKOUT = Path(__file__).parent.parent


def facts(ask: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Ask a driver for its facts; a daemon that does not answer is a fact as well."""
    try:
        return ask()
    except FeatherbenchError as error:
        return {"not available": error.message}


def all_facts(hypervisors: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Ask the technologies that this host can run, and the hosts that have something to say.

    `hosts` is what the configuration sets of hosts, by name.
    """
    drivers: dict[str, Callable[[], Mapping[str, str]]] = {
        name: technology.facts
        for name in sorted(registry.driver_files("technologies"))
        if not (technology := registry.load("technologies", name)).missing_requirements()
    }
    for name in sorted(registry.driver_files("hypervisors")):
        hypervisor = registry.load("hypervisors", name)
        drivers[name] = partial(
            hypervisor.facts, hypervisor.Settings.model_validate(hypervisors.get(name, {}))
        )
    found = {name: facts(ask) for name, ask in drivers.items()}
    return {name: told for name, told in found.items() if told}


def main(given: Namespace) -> None:
    """Write the record that was made when the run began, or else make one."""
    if given.begun and given.begun.exists():
        write_atomic(given.output, given.begun.read_bytes())
        return
    record = collect.collect(
        checkout=CHECKOUT,
        technologies=all_facts(given.hypervisors),
        findings=examine(Surroundings(results=given.output.parent)),
    )
    record.write(given.output)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="the record made when the run began")
    parser.add_argument(
        "--hypervisors", type=json.loads, default={}, help="their settings, as JSON"
    )
    parser.add_argument("--output", type=Path, required=True, help="the machine record")
    sys.exit(job_runner.run(main, job_runner.arguments(parser)))
