# SPDX-License-Identifier: Apache-2.0
"""Where descriptions of images are found, and how `unikernels/technology.py` uses them."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from featherbench import registry
from featherbench.errors import ConfigError
from featherbench.unikernels import description_loader
from featherbench.unikernels.description_loader import UnikernelSettings

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
def test_shipped_descriptions_are_valid_and_lack_only_paths(file):
    found = description_loader.read(file)
    assert file.name == description_loader.shipped(file.parent.name, file.stem.partition("-")[0],
                                             found.backend).name  # fmt: skip
    assert all(key == "kernel" or key.endswith(".path") for key in found.missing_paths())
    assert registry.driver_files("technologies")[file.parent.name]


def test_the_papers_cases_have_descriptions():
    for technology, services in PAPERS.items():
        assert set(_platform(technology).available_images(UnikernelSettings())) == services


def _platform(technology, hypervisor="tcg"):
    return registry.platform(technology, hypervisor)


def test_a_few_lines_complete_a_shipped_description(tmp_path, monkeypatch):
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


def test_each_backend_has_its_own_image_and_a_service_may_have_none():
    spt = description_loader.find("mirageos", "http", "solo5-spt", {})
    hvt = description_loader.find("mirageos", "http", "qemu", {"backend": "solo5-hvt"})
    assert (spt.backend, hvt.backend) == ("solo5-spt", "solo5-hvt")
    assert description_loader.find("mirageos", "kv", "qemu", {}) is None


def test_constants_are_those_that_the_builder_states():
    papers = description_loader.find("osv", "kv", "qemu", {"constants": "paper"})
    assert papers.constants["FDMAX (include/osv/file.h)"] == "0x30D40"
    own = description_loader.find("osv", "kv", "qemu", {"constants": {"SOMAXCONN": "512"}})
    assert own.constants == {"SOMAXCONN": "512"}
    with pytest.raises(ConfigError, match="no set named 'mine'"):
        description_loader.find("osv", "kv", "qemu", {"constants": "mine"})


@pytest.mark.parametrize("content", ["", "- a list", "kernel: [", "bott: kernel"])
def test_a_mistake_is_reported_with_its_file(tmp_path, content):
    file = tmp_path / "http.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"http\.yaml"):
        description_loader.read(file)


def test_an_unknown_key_is_refused_in_the_settings():
    with pytest.raises(ValidationError, match="kernal"):
        UnikernelSettings(images={"http": {"kernal": "/k"}})


# --- what a platform says of them ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "what", "remedy"),
    [
        ({}, "the path of the image of mirageos's http is not configured", "`kernel`"),
        ({"http": {"kernel": "gone.elf"}}, "gone.elf, does not exist", ""),
        ({"http": {"kernel": "k", "backend": "xl"}}, "is for xl", ""),
    ],
    ids=["no path", "no file", "another hypervisor's"],
)
def test_an_image_that_cannot_be_booted_is_reported(tmp_path, monkeypatch, images, what, remedy):
    (tmp_path / "k").touch()
    monkeypatch.chdir(tmp_path)
    (lack,) = _platform("mirageos").available_images(UnikernelSettings(images=images))["http"]
    assert what in lack.what
    assert remedy in lack.remedy


def test_the_build_inputs_change_with_the_file_and_with_every_key(tmp_path):
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
