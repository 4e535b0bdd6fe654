# SPDX-License-Identifier: Apache-2.0
"""Asks the drivers for the versions and settings that belong into the machine's record."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from featherbench import registry
from featherbench.errors import FeatherbenchError

Ask = Callable[[], Mapping[str, str]]


def driver_facts(hypervisors: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return, by driver, the facts of hypervisors and of technologies that can run here.

    `hypervisors` are their settings in the configuration, by name. Drivers without facts are left
    out. A daemon that does not answer is a fact as well.
    """
    asks: dict[str, Ask] = {
        name: technology.facts
        for name in sorted(registry.driver_files("technologies"))
        if not (technology := registry.load("technologies", name)).missing_requirements()
    }
    for name in sorted(registry.driver_files("hypervisors")):
        hypervisor = registry.load("hypervisors", name)
        settings = hypervisor.Settings.model_validate(hypervisors.get(name, {}))
        asks[name] = partial(hypervisor.facts, settings)
    facts = {name: _answer(ask) for name, ask in asks.items()}
    return {name: answer for name, answer in facts.items() if answer}


def _answer(ask: Ask) -> Mapping[str, str]:
    try:
        return ask()
    except FeatherbenchError as error:
        return {"not available": error.message}
