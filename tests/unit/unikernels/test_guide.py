# SPDX-License-Identifier: Apache-2.0
"""docs/unikernels.md: its examples and commands are valid, and every key is explained.

Its commands are those of cli/unikernel.py. tests/integration/platforms/test_unikernels.py runs
cli/unikernel_check.py and unikernels/image.py.
"""

import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser

import pytest
import yaml

from featherbench import registry
from featherbench.cli import unikernel
from featherbench.config.models import Config
from featherbench.contracts.image_description import Description
from featherbench.services.http import payload
from featherbench.unikernels import description_loader

GUIDE = "docs/unikernels.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(\w+: \{.*?\})`")
ROW = re.compile(r"^\| (.*?) \|.*\|$", re.MULTILINE)
LEAST_WORDS = 8
"""Characters; a shorter piece of a message tells it from nothing."""


@pytest.fixture(scope="module")
def guide(repository):
    return (repository / GUIDE).read_text()


@pytest.fixture(scope="module")
def blocks(guide):
    def of(language):
        return [content for kind, content in BLOCK.findall(guide) if kind == language]

    return of


def rows_below(guide, heading):
    section = guide.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return ROW.findall(section.partition("|---")[2])


@pytest.fixture(scope="module")
def examples(blocks, repository):
    """The default configuration with the keys of each example in place of its own."""
    default = yaml.safe_load((repository / "config/config.yaml").read_text())
    return [Config.model_validate({**default, **yaml.safe_load(each)}) for each in blocks("yaml")]


def images_in(config):
    """Give every image that a configuration names: platform, driver, app, what is said of it."""
    for platform in config.platforms:
        technology, _, hypervisor = platform.name.partition("-")
        driver = registry.platform(technology, hypervisor)
        if driver.user_images:
            for service, given in platform.settings["images"].items():
                yield platform.name, driver, service, given


def test_the_papers_unikernels_have_examples(examples):
    found = {(name, service) for config in examples for name, _, service, _ in images_in(config)}
    assert found >= {
        ("rumprun-kvm", "http"),
        ("rumprun-kvm", "kv"),
        ("osv-kvm", "kv"),
        ("mirageos-kvm", "http"),
        ("mirageos-kvm", "startup"),
        ("mirageos-native", "http"),
        ("rumprun-xen", "http"),
        ("mirageos-xen", "http"),
    }


def test_every_example_names_complete_images_that_its_hypervisor_can_run(examples):
    for config in examples:
        for name, driver, service, given in images_in(config):
            settings = driver.Settings.model_validate({"images": {service: given}})
            wanted = driver._description(service, settings)
            assert list(wanted.missing_paths()) == [], name
            assert wanted.backend in driver.runner.backends, name


def test_every_example_within_a_line_is_a_part_of_a_description(guide):
    found = [each for each in INLINE.findall(guide) if "…" not in each]
    assert found
    for each in found:
        given = yaml.safe_load(each)
        assert description_loader.find("rumprun", "kv", "qemu", given)


def test_every_key_of_a_description_is_explained_and_no_other(guide):
    named = {
        key for row in rows_below(guide, "The keys of a description")
        for key in re.findall(r"`(\w+)`", row.partition(" | ")[0])
    }  # fmt: skip
    assert named == set(Description.model_fields)


def test_the_file_that_it_writes_is_the_served_payload(blocks):
    lines = [line for block in blocks("console") for line in block.splitlines()]
    (line,) = (line for line in lines if "python -c" in line)
    command, _, file = line.removeprefix("$ ").rpartition(" > ")
    _, *words = shlex.split(command)
    done = subprocess.run([sys.executable, *words], capture_output=True, check=True)
    assert file == "payload"
    assert done.stdout == payload(1150)


def test_its_commands_can_be_run(blocks, repository):
    parser = ArgumentParser()
    unikernel.add_parser(parser.add_subparsers())
    lines = [line for block in blocks("console") for line in block.splitlines()]
    prefix = "$ python -m featherbench "
    checks = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
    assert checks
    for check in checks:
        assert unikernel._service(parser.parse_args(shlex.split(check)))
    copied = [shlex.split(line)[2] for line in lines if line.startswith("$ cp ")]
    for file in copied:
        description_loader.read(repository / file)


def test_another_technology_is_a_few_lines_in_a_plugin_folder(blocks, tmp_path):
    (source,) = blocks("python")
    (tmp_path / "technologies").mkdir()
    (tmp_path / "technologies/hermit.py").write_text(source)
    hermit = registry.platform("hermit", "tcg", (str(tmp_path),))
    assert (hermit.name, hermit.runner.name) == ("hermit", "tcg")
    assert hermit.available_images(hermit.Settings()) == {}


def test_its_table_of_failures_quotes_the_real_messages(guide, repository):
    package = repository / "scripts/featherbench"
    others = ("services/open_connections.py", "services/http.py", "cli/unikernel_check.py")
    files = [*(package / "unikernels").glob("*.py"), *map(package.joinpath, others)]
    said = re.sub(r'"\s*f?"', "", "".join(file.read_text() for file in files))
    rows = rows_below(guide, "What can go wrong")
    assert len(rows) > 10
    for row in rows:
        pieces = [each.strip() for each in re.split(r"…|;", row)]
        for piece in filter(lambda piece: len(piece) >= LEAST_WORDS, pieces):
            assert piece in said, row


def test_every_file_that_it_links_to_exists(guide, repository):
    for link in re.findall(r"\]\((\.\./[^)#]+)\)", guide):
        assert (repository / "docs" / link).exists(), link
    anchors = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-")
        for title in re.findall(r"^##+ (.*)$", guide, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", guide)) <= anchors
