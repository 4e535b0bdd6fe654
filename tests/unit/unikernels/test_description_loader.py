# SPDX-License-Identifier: Apache-2.0
"""Descriptions of images: what they may say, where they are found, how a user changes them."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from featherbench import registry
from featherbench.contracts.image_description import Description
from featherbench.errors import ConfigError
from featherbench.unikernels import description_loader
from featherbench.unikernels.settings import UnikernelSettings

SHIPPED = sorted(
    file
    for file in description_loader.SHIPPED.glob("*/*.yaml")
    if not file.stem.startswith("constants-")
)
PAPERS = {
    "rumprun": {"http", "kv", "startup"},
    "osv": {"http", "kv", "startup"},
    "mirageos": {"http", "startup"},
    "netbsd": {"http", "kv"},
}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_we_ship_is_valid_and_lacks_nothing_but_paths(file):
    found = description_loader.read(file)
    assert file.name == description_loader.shipped(file.parent.name, file.stem.partition("-")[0],
                                             found.backend).name  # fmt: skip
    assert all(key == "kernel" or key.endswith(".path") for key in found.missing_paths())
    assert registry.driver_files("technologies")[file.parent.name]


def test_the_papers_cases_are_there():
    for technology, services in PAPERS.items():
        assert set(_platform(technology).available_images(UnikernelSettings())) == services


def _platform(technology, hypervisor="tcg"):
    return registry.platform(technology, hypervisor)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"arguments": "--ip ${adress}"}, "adress"),
        ({"arguments": "costs 5$"}, r"\$"),
        ({"boot": "disk"}, "no disks"),
        ({"boot": "disk", "kernel": "/k", "disks": [{}]}, "without a kernel"),
        ({"boot": "disk", "disks": [{}], "backend": "solo5-spt"}, "cannot boot from a disk"),
        ({"kernel": "/k", "make": {"command": ["a"], "version": ["b"]}}, "or `make`"),
        ({"console": {"failure": ["("]}}, "no regular expression"),
        ({"memory_mib": 0}, "greater than or equal to 1"),
        ({"machine": "pc -daemonize"}, "pattern"),
        ({"nic": {"model": "e1000,netdev=other"}}, "pattern"),
        ({"disks": [{"format": "vmdk"}]}, "raw"),
        ({"sha256": "abc"}, "pattern"),
        ({"backend": "xl", "accepted_exits": [0]}, "no exit status"),
        ({"no_such_key": 1}, "not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(keys, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Description.model_validate(keys)


def test_an_image_may_be_as_small_as_they_are():
    assert Description(memory_mib=2).memory_mib == 2


def test_every_placeholder_is_filled_once_and_a_dollar_stays():
    told = Description(arguments="${address}/${prefix},, $${x}").filled_arguments(
        {"address": "198.18.2.2", "prefix": "25"}
    )
    assert told == "198.18.2.2/25,, ${x}"


def test_a_few_lines_complete_the_description_that_we_ship(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"kernel": "nginx.bin", "disks": [{"path": "/images/data.iso"}], "memory_mib": 32}
    found = description_loader.find("rumprun", "http", "qemu", given)
    assert found.kernel == tmp_path / "nginx.bin"
    assert found.disks[0].path == Path("/images/data.iso")
    assert found.disks[0].readonly
    assert found.memory_mib == 32
    assert "nginx.bin -c" in found.arguments
    assert list(found.missing_paths()) == []


def test_paths_in_a_users_own_description_are_relative_to_it(tmp_path):
    (tmp_path / "my").mkdir()
    file = tmp_path / "my/probe.yaml"
    file.write_text(yaml.safe_dump({"kernel": "probe.elf", "packet": "first"}))
    found = description_loader.find("hermit", "startup", "qemu", {"description": str(file)})
    assert found.kernel == tmp_path / "my/probe.elf"


def test_each_backend_has_an_image_of_its_own():
    spt = description_loader.find("mirageos", "http", "solo5-spt", {})
    hvt = description_loader.find("mirageos", "http", "qemu", {"backend": "solo5-hvt"})
    assert (spt.backend, hvt.backend) == ("solo5-spt", "solo5-hvt")


def test_there_may_be_none():
    assert description_loader.find("mirageos", "kv", "qemu", {}) is None


def test_constants_are_as_whoever_built_the_image_says():
    papers = description_loader.find("osv", "kv", "qemu", {"constants": "paper"})
    assert papers.constants["FDMAX (include/osv/file.h)"] == "0x30D40"
    own = description_loader.find("osv", "kv", "qemu", {"constants": {"SOMAXCONN": "512"}})
    assert own.constants == {"SOMAXCONN": "512"}
    with pytest.raises(ConfigError, match="no set named 'mine'"):
        description_loader.find("osv", "kv", "qemu", {"constants": "mine"})


@pytest.mark.parametrize("content", ["", "- a list", "kernel: [", "bott: kernel"])
def test_a_mistake_in_a_file_is_named_with_the_file(tmp_path, content):
    file = tmp_path / "http.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"http\.yaml"):
        description_loader.read(file)


def test_a_key_that_no_description_has_is_refused_in_the_settings():
    with pytest.raises(ValidationError, match="kernal"):
        UnikernelSettings(images={"http": {"kernal": "/k"}})


# --- what a platform says of them ----------------------------------------------------------------


def test_a_path_that_nobody_gave_is_named_with_the_remedy():
    (lack,) = _platform("mirageos").available_images(UnikernelSettings())["http"]
    assert "the path of the image of mirageos's http is not configured" in lack.what
    assert "`kernel`" in lack.remedy


def test_an_image_that_is_not_there_is_named(tmp_path):
    settings = UnikernelSettings(images={"http": {"kernel": str(tmp_path / "gone.elf")}})
    (lack,) = _platform("mirageos").available_images(settings)["http"]
    assert "gone.elf, does not exist" in lack.what


def test_an_image_for_a_backend_that_the_host_does_not_offer_is_named(tmp_path):
    (tmp_path / "k").write_bytes(b"")
    keys = {"kernel": str(tmp_path / "k"), "backend": "xl"}
    missing_requirements = _platform("mirageos").available_images(
        UnikernelSettings(images={"http": keys})
    )["http"]
    assert "is for xl" in missing_requirements[0].what


def test_only_what_may_be_a_process_runs_on_the_bare_host():
    assert _platform("mirageos", "native") is not None
    assert _platform("rumprun", "native") is None


def test_the_recipe_changes_with_the_file_and_with_every_key(tmp_path):
    kernel = tmp_path / "k"
    kernel.write_bytes(b"1")

    def build_inputs(**keys):
        settings = UnikernelSettings(images={"http": {"kernel": str(kernel), **keys}})
        return _platform("mirageos").build_inputs("http", settings)

    first = build_inputs()
    assert build_inputs() == first
    assert build_inputs(memory_mib=33) != first
    kernel.write_bytes(b"22")
    assert build_inputs() != first
