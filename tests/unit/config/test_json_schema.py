# SPDX-License-Identifier: Apache-2.0
"""The schema of the configuration (cli.schema): current, and as strict as the models are."""

import json

import jsonschema
import pytest
import yaml

from builders import captured
from featherbench.config.json_schema import config_schema
from featherbench.config.loading import validate
from featherbench.errors import ConfigError
from featherbench.planning.resolve import resolve

GOOD = {"platforms": ["linux-native", "docker-native"], "workloads": {"http": None}}


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(config_schema()))


def is_right(content):
    """Whether the models, and the drivers behind them, take it."""
    try:
        resolve(validate(content, file="my.yaml"), file="my.yaml")
    except ConfigError:
        return False
    return True


def test_it_is_a_schema(validator):
    validator.check_schema(validator.schema)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_it_takes_the_shipped_configurations(validator, repository, name):
    validator.validate(yaml.safe_load((repository / "config" / f"{name}.yaml").read_text()))


@pytest.mark.parametrize("changes", captured("config/schema")["right"])
def test_it_takes_what_the_models_take(validator, changes):
    assert is_right(GOOD | changes)
    validator.validate(GOOD | changes)


@pytest.mark.parametrize("changes", captured("config/schema")["wrong"])
def test_it_refuses_what_the_models_refuse(validator, changes):
    assert not is_right(GOOD | changes)
    assert not validator.is_valid(GOOD | changes)


def test_with_plugins_it_lets_other_names_through(validator):
    named = {"plugins": ["mine"], "platforms": ["podman-native"], "workloads": {"smtp": None}}
    validator.validate(named)
    assert not validator.is_valid(named | {"workloads": {"smtp": {"levels": [1]}}})


def test_every_key_is_described(validator):
    models = {"Config": validator.schema, **validator.schema["$defs"]}
    undescribed = [
        f"{model}.{key}"
        for model, schema in models.items()
        for key, value in schema.get("properties", {}).items()
        if "description" not in value
    ]
    assert undescribed == []
