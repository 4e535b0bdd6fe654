# SPDX-License-Identifier: Apache-2.0
"""The schema of the configuration (cli.schema): current, and as strict as the models are."""

import json

import jsonschema
import pytest
import yaml

from featherbench.config.json_schema import config_schema
from featherbench.config.loading import validate
from featherbench.errors import ConfigError
from featherbench.planning.resolve import resolve

GOOD = {"platforms": ["linux-native", "docker-native"], "workloads": {"http": None}}

SHORT_FORMS = [
    {},
    {"platforms": ["linux-native", {"name": "docker-native"}]},
    {"platforms": ["linux-native", {"name": "docker-native", "network": "bridge"}]},
    {"platforms": ["linux-native", {"name": "docker-native", "network": ["nat", "host"]}]},
    {"platforms": ["linux-native", {"name": "docker-native", "settings": {"memory_mib": 64}}]},
    {"platforms": ["linux-native", "osv-kvm"]},
    {"workloads": {"http": {}, "startup": None}},
    {"workloads": {"http": {"load_generator": "h2load", "settings": {"file_bytes": 1}}}},
    {"workloads": {"latency": {"concurrency": None}}},
    {"testbed": {"server_cpus": [1], "client_cpus": "auto"}},
    {"tuning": {"net_sysctls": {"net.core.somaxconn": 512}, "nofile": None}},
    {"repetitions": {"target_ci_percent": 2, "min": 8, "max": 40, "budget_s": 600, "windows": 1}},
    {"workloads": {"http": {"repetitions": {"target_ci_percent": 0.5}}}},
]

MISTAKES = [
    {"repetition": {}},
    {"repetitions": {"window": 1}},
    {"workloads": {"kv": {"settings": {"operations": ["GET", "GET"]}}}},
    {"workloads": {"kv": {"settings": {"window_s": 0.9}}}},
    {"repetitions": {"windows": 0}},
    {"repetitions": {"target_ci_percent": "2 %"}},
    {"repetitions": {"target_ci_percent": 100}},
    {"repetitions": {"target_ci_percent": 2, "min": 7}},
    {"repetitions": {"target_ci_percent": 2, "deployments": 3}},
    {"repetitions": {"budget_s": 60}},
    {"seed": "x"},
    {"platforms": []},
    {"platforms": ["linux"]},
    {"platforms": ["linux-native", "dokcer-native"]},
    {"platforms": ["linux-native", {"name": "docker-nativ"}]},
    {"platforms": ["linux-native", {"name": "docker-native", "network": "bridg"}]},
    {"platforms": ["linux-native", {"name": "docker-native", "network": ["nat", "bridg"]}]},
    {"platforms": ["linux-native", {"name": "docker-native", "settings": {"memory_mb": 64}}]},
    {"platforms": [{"name": "linux-native", "settings": {"memory_mib": 64}}]},
    {"workloads": {}},
    {"workloads": {"htttp": {}}},
    {"workloads": {"http": {"levels": [1]}}},
    {"workloads": {"http": {"concurrency": [0]}}},
    {"workloads": {"http": {"settings": {"file_byte": 1}}}},
    {"workloads": {"http": {"settings": {"file_bytes": 0}}}},
    {"workloads": {"http": {"load_generator": "redis_benchmark"}}},
    {"workloads": {"latency": {"concurrency": [1]}}},
    {"testbed": {"client": "ssh"}},
    {"testbed": {"server_cpus": "all"}},
    {"tuning": {"net_sysctls": {"kernel.panic": "1"}}},
    {"tuning": {"nofile": 1}},
]


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


def test_the_file_is_in_step_with_the_models(repository):
    file = repository / "config" / "schema.json"
    assert file.read_text() == config_schema(), f"{file} is out of date: renew it by `make schema`"


def test_it_is_a_schema(validator):
    validator.check_schema(validator.schema)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_it_takes_the_shipped_configurations(validator, repository, name):
    validator.validate(yaml.safe_load((repository / "config" / f"{name}.yaml").read_text()))


@pytest.mark.parametrize("changes", SHORT_FORMS)
def test_it_takes_what_the_models_take(validator, changes):
    assert is_right(GOOD | changes)
    validator.validate(GOOD | changes)


@pytest.mark.parametrize("changes", MISTAKES)
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
