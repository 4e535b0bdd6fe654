# SPDX-License-Identifier: Apache-2.0
"""A mistake (config.models, user_input) is one message: the key, the file, the remedy."""

from copy import deepcopy
from functools import reduce
from operator import getitem
from time import process_time

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from builders import captured
from featherbench.config.loading import load_config, read, validate
from featherbench.errors import ConfigError
from featherbench.planning.plan import make_plan, ranks
from featherbench.planning.resolve import resolve
from featherbench.user_input import MOST_BYTES

GOOD = {"platforms": ["linux-native", "docker-native"], "workloads": {"http": None}}


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


LONG = [
    [{"plugins": ["x" * 5000]}, ["plugins", "x..."]],
    [{"baseline": "x" * 9000}, ["baseline", "..."]],
]


@pytest.mark.parametrize(("changes", "named"), [*captured("config/mistakes"), *LONG])
def test_a_mistake_is_a_short_message_with_its_key_its_file_and_a_remedy(changes, named):
    with pytest.raises(ConfigError) as caught:
        resolve(validate({**GOOD, **changes}, file="my.yaml"), file="my.yaml")
    assert caught.value.remedy
    message = str(caught.value)
    assert message.startswith("my.yaml")
    assert len(message) < 800
    assert [part for part in named if part not in message] == [], message


def test_the_largest_number_of_deployments_is_allowed():
    validate({**GOOD, "repetitions": {"deployments": 1000}}, file="my.yaml")


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        *(("docker", {"runtime": runtime}) for runtime in ("", "run c", "-r", "r\n")),
        ("docker", {"memory_mib": 10**12}),
        ("http", {"window_s": 1e-300}),
        ("http", {"window_s": "2"}),
        ("http", {"file_bytes": True}),
        ("memory", {"starts": 10**9}),
        ("memory", {"connections": 9_000}),
        ("kv", {"operations": "GET"}),
        ("osv", {"images": {"http": {"kernel": "k\0"}}}),
        ("osv", {"images": {"http": {"kernel": "k" * 5000}}}),
        ("osv", {"images": {"http": {"description": 5}}}),
        ("osv", {"images": {"http": {"backend": "../x"}}}),
        ("osv", {"images": {"http": {"constants": "../../x"}}}),
    ],
)
def test_drivers_settings_are_refused_alike(kind, settings):
    if kind in ("docker", "osv"):
        platform = {"name": f"{kind}-{'native' if kind == 'docker' else 'kvm'}"}
        changes = {"platforms": ["linux-native", {**platform, "settings": settings}]}
    else:
        changes = {"workloads": {kind: {"settings": settings}}}
    with pytest.raises(ConfigError) as caught:
        make_plan(resolve(validate({**GOOD, **changes}, file="my.yaml"), file="my.yaml"))
    assert str(caught.value).startswith("my.yaml")
    assert len(str(caught.value)) < 1200


def test_the_cells_altogether_have_a_limit():
    repetitions = {"repetitions": {"deployments": 1000}}
    levels = {"workloads": {"http": {"concurrency": list(range(1, 200))}}}
    with pytest.raises(ConfigError, match=r"my\.yaml asks for 398000 cells"):
        resolve(validate({**GOOD, **levels, **repetitions}, file="my.yaml"), file="my.yaml")


@pytest.mark.parametrize(
    "changes",
    [
        {"repetitions": None, "hypervisors": None, "testbed": None, "plugins": None},
        {"hypervisors": {"kvm": None}},
        {"workloads": {"http": {"settings": None, "repetitions": None}}},
    ],
)
def test_an_empty_section_has_the_defaults(changes):
    said = validate({**GOOD, **changes}, file="my.yaml")
    assert said == validate({**GOOD, "hypervisors": dict(said.hypervisors)}, file="my.yaml")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"workloads:\n  http: {}\n  http: {}\n", ["'http' is given twice, in lines 2 and 3"]),
        (b"seed: 1\nrepetitions: {}\nrepetitions: {}\n", ["'repetitions'", "lines 2 and 3"]),
        (b"seed: 1\n---\nseed: 2\n", ["line 2"]),
        (b"platforms:\n\t- a\n", ["line 2"]),
        ("seed: é".encode("latin-1"), ["cannot be read"]),
        ("seed: 1".encode("utf-16"), ["cannot be read"]),
        (b"!!set {a, b}", ["no keys"]),
        (b"a: !!set {a, b}", ["a number, a list, or text"]),
        (b"a: " + b"9" * 5000, ["not YAML"]),
        (b"a: !!int ''", ["not YAML"]),
        (b"a: 2024-99-99", ["not YAML"]),
        (b"a: &a [*a]", ["nested too deeply"]),
        (b"a: " + b"[" * 5000, ["line 1 is nested too deeply"]),
        (b"".join(b" " * i + b"a:\n" for i in range(300)), ["c.yaml"]),
        (b"a: [" + b"1," * 15_000 + b"]", ["too many values"]),
        (b"x" * 200_000, [f"more than {MOST_BYTES} bytes"]),
        (None, ["cannot be read"]),
    ],
)
def test_a_broken_file_is_one_message_with_the_line(tmp_path, content, named):
    path = tmp_path if content is None else tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content)
    began_s = process_time()
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert process_time() - began_s < 1
    message = str(caught.value)
    assert str(path) in message
    assert len(message) < 1000
    assert [part for part in named if part not in message] == [], message


def test_merge_keys_of_yaml_are_no_duplicates(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}\nc: {<<: *a, y: 3}\n")
    assert read([file], {})["c"] == {"x": 1, "y": 3}


def test_nested_values_of_the_command_line_are_merged_into_the_file_with_their_types(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(
        "platforms: [linux-native]\nworkloads: {kv: }\nrepetitions: {deployments: 3, windows: 2}\n"
        "tuning: {nofile: 100}\n"
    )
    # What Snakemake makes of `--config seed=7 'repetitions={deployments: 10}' …`.
    overrides = {
        "seed": 7,
        "repetitions": {"deployments": "10"},
        "workloads": {"kv": {"concurrency": ["7"], "settings": {"window_s": "1.5"}}, "http": ""},
        "root_filesystem": {"packages": {"nginx": "1.22"}},
        "tuning": {"nofile": "null"},
    }
    config = validate(read([file], overrides), file=str(file))
    assert (config.seed, config.repetitions.deployments, config.repetitions.windows) == (7, 10, 2)
    assert config.workloads["kv"].concurrency == (7,)
    assert config.root_filesystem.packages == {"nginx": "1.22"}
    assert config.tuning.nofile is None
    kv = resolve(config, file=str(file)).workloads["kv"]
    assert kv.settings.window_s == 1.5
    with pytest.raises(ConfigError, match=r"'many' is no integer"):
        validate(read([file], {"repetitions": {"windows": "many"}}), file=str(file))


ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 1, 2.5, 10**6, 10**30, float("inf"), float("nan"), 1e-300),
        *("", "-x", "..", "a b", "x" * 5000, "\0", "\ud800", "0-1", "~nobody/x", "null"),
        *([], {}, [[]], ["nat", "nat"], [None], {"a": {}}, {"": ""}, {1: 2}, {1, 2}, b"x"),
    ]
)
SEEDS = [
    {
        **GOOD,
        "platforms": [
            "linux-native",
            {"name": "docker-native", "network": ["nat"], "settings": {"runtime": "runc"}},
            {"name": "osv-tcg", "settings": {"images": {"http": {"kernel": "k", "disks": [{}]}}}},
            {"name": "linux-kvm", "settings": {"guest": {"memory_mib": 64, "vcpus": "auto"}}},
        ],
        "repetitions": {"target_ci_percent": 2, "min": 8, "max": 9, "budget_s": 60},
        "testbed": {"subnet": "198.18.0.0/24", "server_cpus": [0], "client_cpus": "auto"},
        "hypervisors": {"xen": {"dom0": "a", "bridge": "b", "link": "c", "ssh_config": "d"}},
    },
    {
        **GOOD,
        "workloads": {
            "http": {"concurrency": [1], "load_generator": "wrk", "settings": {"window_s": 1}},
            "kv": {"repetitions": {"deployments": 3}, "settings": {"operations": ["GET"]}},
            "memory": {"settings": {"margin": 0.1, "starts": 3}},
        },
        "tuning": {"net_sysctls": {"net.core.somaxconn": 1}, "nofile": 64, "file_max": None},
        "root_filesystem": {"suite": "bookworm", "packages": {"nginx": "1*"}},
        "analysis": {"precision_percent": 2},
        "plugins": [],
        "seed": 1,
    },
]


def places(content):
    """Return the paths to all values."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in places(value))


@st.composite
def mutated(draw):
    content = deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 2))):
        *path, last = draw(st.sampled_from(list(places(content))))
        section = reduce(getitem, path, content)
        change = draw(st.sampled_from(["replace", "repeat", "rename", "remove"]))
        value = draw(ODD)
        if change == "rename" and isinstance(section, dict) and isinstance(value, str | int | None):
            section[value] = section.pop(last)
        elif change == "repeat":
            section[last] = [deepcopy(section[last])] * 3
        elif change == "remove":
            del section[last]
        else:
            section[last] = value
        if not any(True for _ in places(content)):
            break
    return content


@seed(2017)
@settings(max_examples=300, deadline=1000, database=None)
@given(mutated())
def test_no_mutated_configuration_is_a_traceback_or_hangs(content):
    complaint = "my.yaml"
    try:
        ranks(make_plan(resolve(validate(content, file="my.yaml"), file="my.yaml")))
    except ConfigError as error:
        complaint = str(error)
    assert "my.yaml" in complaint
    assert len(complaint) < 2000
    complaint.encode()
