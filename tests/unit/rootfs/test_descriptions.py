# SPDX-License-Identifier: Apache-2.0
"""The descriptions of derived root file systems, and the specs of the jobs that build them."""

import pytest
import yaml

from featherbench.contracts.technology import BASE
from featherbench.errors import ConfigError
from featherbench.rootfs import descriptions


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Replace the descriptions, and forget those that were read before."""

    def write(**entries):
        file = tmp_path / "derived.yaml"
        file.write_text(yaml.safe_dump(entries))
        monkeypatch.setattr(descriptions, "DESCRIPTIONS", file)
        descriptions._descriptions.cache_clear()

    yield write
    descriptions._descriptions.cache_clear()


def specs():
    return {
        name: descriptions.spec(name, suite="bookworm", code="c") for name in descriptions.names()
    }


def test_all_are_derived_from_the_system_root_file_system():
    assert descriptions.chain("guest-docker") == ("system", "guest", "guest-docker")
    assert descriptions.chain("system") == ("system",)
    assert descriptions.chain(BASE) == ()
    assert {descriptions.chain(name)[0] for name in descriptions.names()} == {"system"}


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'guest-podman'") as unknown:
        descriptions.chain("guest-podman")
    assert "guest-docker" in unknown.value.remedy


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_guest_has_one_kernel(monkeypatch, machine):
    monkeypatch.setattr("platform.machine", lambda: machine)
    kernels = [name for name in specs()["guest"].packages if name.startswith("linux-image-")]
    assert kernels == [f"linux-image-cloud-{descriptions.ARCHITECTURES[machine]}"]


def test_no_package_starts_the_services():
    assert {"nginx.service", "redis-server.service"} <= set(specs()["system"].masked)


def test_a_package_may_be_for_one_architecture():
    listed = ("udev", "kernel-a [amd64]", "kernel-b [arm64]")
    assert descriptions.packages_for(listed, "amd64") == ("udev", "kernel-a")
    assert descriptions.packages_for(listed, "riscv64") == ("udev",)


def test_an_edited_description_changes_only_its_own_spec(described):
    entries = {
        "system": {"base": "base", "packages": ["systemd"]},
        "guest": {"base": "system", "packages": ["udev"]},
    }
    described(**entries)
    before = specs()
    entries["system"]["masked"] = ["nginx.service"]
    described(**entries)
    after = specs()
    assert {name for name in after if after[name] != before[name]} == {"system"}


def test_an_unknown_key_is_refused(described):
    described(system={"base": "base", "packages": [], "package": ["systemd"]})
    with pytest.raises(ValueError, match="package"):
        descriptions.names()
