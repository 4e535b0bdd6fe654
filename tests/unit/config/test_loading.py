# SPDX-License-Identifier: Apache-2.0
"""A mistake in the configuration (config.models) is one message: the key, the file, the remedy."""

import pytest

from featherbench.config.loading import load_config, validate
from featherbench.errors import ConfigError

GOOD = {"platforms": ["linux-native", "docker-native"], "workloads": {"http": None}}


def complaint(**changes):
    with pytest.raises(ConfigError) as caught:
        validate({**GOOD, **changes}, file="my.yaml")
    assert caught.value.remedy
    return str(caught.value)


def test_a_platform_can_be_named_alone():
    config = validate(GOOD, file="my.yaml")
    assert [p.name for p in config.platforms] == ["linux-native", "docker-native"]
    assert (config.platforms[1].technology, config.platforms[1].hypervisor) == ("docker", "native")


def test_one_network_need_not_be_a_list():
    config = validate(
        {**GOOD, "platforms": ["linux-native", {"name": "docker-native", "network": "bridge"}]},
        file="my.yaml",
    )
    assert config.platforms[1].network == ("bridge",)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"repetition": {}}, ["repetition", "did you mean 'repetitions'"]),
        ({"repetitions": {"windows": 0}}, ["repetitions.windows", "greater than 0"]),
        ({"repetitions": {"window": 1}}, ["repetitions.window", "did you mean 'windows'"]),
        (
            {"repetitions": {"target_ci_percent": "2 %"}},
            ["repetitions.target_ci_percent", "number"],
        ),
        (
            {"repetitions": {"target_ci_percent": 0}},
            ["repetitions.target_ci_percent", "greater than 0"],
        ),
        (
            {"repetitions": {"target_ci_percent": 100}},
            ["repetitions.target_ci_percent", "less than 100"],
        ),
        (
            {"repetitions": {"target_ci_percent": 2, "deployments": 3}},
            ["repetitions", "'deployments' or 'target_ci_percent', not both"],
        ),
        ({"repetitions": {"max": 20}}, ["repetitions", "'max' needs 'target_ci_percent'"]),
        ({"repetitions": {"target_ci_percent": 2, "min": 7}}, ["repetitions.min", "equal to 8"]),
        (
            {"repetitions": {"target_ci_percent": 2, "min": 20, "max": 9}},
            ["repetitions", "'min' (20) is more than 'max' (9)"],
        ),
        ({"repetitions": {"target_ci_percent": 2, "budget_s": 0}}, ["repetitions.budget_s"]),
        (
            {"workloads": {"http": {"repetitions": {"budget_s": 60}}}},
            ["workloads.http.repetitions", "'budget_s' needs 'target_ci_percent'"],
        ),
        ({"seed": "x"}, ["seed", "'x'", "integer"]),
        ({"platforms": []}, ["platforms", "at least 1"]),
        ({"platforms": ["linux"]}, ["platforms.0.name", "'linux'"]),
        ({"platforms": ["linux-native", "linux-native"]}, ["linux-native", "twice"]),
        ({"workloads": {"htttp": {}}}, ["htttp", "did you mean 'http'"]),
        (
            {"workloads": {"http": {"concurrency": [0]}}},
            ["http.concurrency.0", "greater than or equal to 1"],
        ),
        ({"workloads": {"http": {"concurrency": [1, 1]}}}, ["http.concurrency", "twice"]),
        ({"workloads": {"http": {"levels": [1]}}}, ["http.levels"]),
        ({"testbed": {"subnet": "10.0.0.0/24"}}, ["testbed.subnet", "198.18.0.0/15"]),
        ({"testbed": {"subnet": "198.18.1.0/24"}}, ["testbed", "overlap"]),
        ({"testbed": {"subnet": "not one"}}, ["testbed.subnet", "not one"]),
        ({"testbed": {"server_cpus": [-1]}}, ["testbed.server_cpus"]),
        ({"tuning": {"net_sysctls": {"kernel.panic": "1"}}}, ["tuning.net_sysctls"]),
        ({"plugins": ["/no/such/folder"]}, ["plugins", "/no/such/folder"]),
    ],
)
def test_a_mistake_is_named_with_its_key_and_file(changes, named):
    message = complaint(**changes)
    assert message.startswith("my.yaml")
    for part in named:
        assert part in message


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="'workloads' is missing"):
        validate({"platforms": ["linux-native"]}, file="my.yaml")


@pytest.mark.parametrize(
    ("content", "named"), [("a: [", "not YAML"), ("", "no keys"), (None, "no file")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, named):
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=named) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_the_shipped_configurations_are_right(name, repository):
    load_config(repository / "config" / f"{name}.yaml")


@pytest.mark.parametrize(
    "repetitions",
    [{}, {"deployments": 9}, {"target_ci_percent": 2}, {"target_ci_percent": 1, "max": 90}],
)
def test_a_configuration_written_out_can_be_read_again(repetitions):
    whole = validate({**GOOD, "repetitions": repetitions}, file="my.yaml")
    assert validate(whole.model_dump(mode="json"), file="my.yaml") == whole


def test_fixed_numbers_are_the_default_and_say_nothing_of_the_other_way():
    said = validate(GOOD, file="my.yaml").model_dump(mode="json")["repetitions"]
    assert said == {"deployments": 3, "windows": 3}
