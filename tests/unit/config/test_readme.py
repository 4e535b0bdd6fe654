# SPDX-License-Identifier: Apache-2.0
"""config/README.md names every key, with the default that it has."""

import re

import pytest
import yaml
from pydantic_core import to_jsonable_python

from featherbench import registry
from featherbench.config import models
from featherbench.records.job_specs import RootFilesystemSource
from featherbench.records.tuning import Tuning
from featherbench.unikernels.description_loader import UnikernelSettings
from featherbench.vm.libvirt.domain_xml import WholeQemuSettings
from featherbench.xen.settings import WholeXenSettings


class Guest(WholeQemuSettings, WholeXenSettings):
    """One table tells of the machines of all hypervisors."""


MODELS = {
    "Top level": models.Config,
    "Platforms": models.PlatformConfig,
    "Workloads": models.WorkloadConfig,
    "Repetitions": models.Repetitions,
    "Root file system": RootFilesystemSource,
    "Testbed": models.TestbedConfig,
    "Tuning": Tuning,
    "Analysis": models.AnalysisConfig,
    "Settings of `guest`": Guest,
    "Settings of `xen`": registry.load("hypervisors", "xen").Settings,
    "Settings of unikernels": UnikernelSettings,
    **{
        f"Settings of `{name}`": driver.Settings
        for kind in ("technologies", "workloads")
        for name in registry.driver_files(kind)
        if (driver := registry.load(kind, name)).Settings is not UnikernelSettings
    },
}
ROW = re.compile(r"^\| `(\w+)` \| .* \| (.*?) \| [^|]*\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def defaults(repository):
    """What the page says: heading → key → the column `default`."""
    text = (repository / "config" / "README.md").read_text()
    sections = re.split(r"^##+ (.*)$", text, flags=re.MULTILINE)[1:]
    tables = {
        heading: re.search(r"^\| key \|.*?(?=\n\n|\Z)", body, re.MULTILINE | re.DOTALL)
        for heading, body in zip(sections[::2], sections[1::2], strict=True)
    }
    return {heading: dict(ROW.findall(t[0])) if t else {} for heading, t in tables.items()}


@pytest.mark.parametrize("heading", MODELS)
def test_every_key_is_explained_and_no_other(defaults, heading):
    assert set(defaults[heading]) == set(MODELS[heading].model_fields)


@pytest.mark.parametrize("heading", MODELS)
def test_the_defaults_are_those_of_the_models(defaults, heading):
    for key, field in MODELS[heading].model_fields.items():
        said = defaults[heading][key]
        assert field.is_required() == (said == "required")
        if said.startswith("`"):
            default = field.get_default(call_default_factory=True)
            assert yaml.safe_load(said.strip("`")) == to_jsonable_python(default), key
        else:
            assert said == "required" or said.startswith("see ["), key
