# SPDX-License-Identifier: Apache-2.0
"""The root file systems over the base: what describes them, and what a job is told."""

import pytest
import yaml

from featherbench.contracts.technology import BASE
from featherbench.errors import ConfigError
from featherbench.rootfs import variants


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Write descriptions in place of ours; those read before are forgotten."""

    def write(**told):
        file = tmp_path / "variants.yaml"
        file.write_text(yaml.safe_dump(told))
        monkeypatch.setattr(variants, "DESCRIPTIONS", file)
        variants._variants.cache_clear()

    yield write
    variants._variants.cache_clear()


def specs():
    return {name: variants.spec(name, suite="bookworm", code="c") for name in variants.names()}


def test_ours_are_laid_one_over_the_other():
    assert variants.chain("guest-docker") == ("system", "guest", "guest-docker")
    assert variants.chain("system") == ("system",)
    assert variants.chain(BASE) == ()
    assert {variants.chain(name)[0] for name in variants.names()} == {"system"}


def test_an_unknown_one_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match="'guest-podman'") as unknown:
        variants.chain("guest-podman")
    assert "guest-docker" in unknown.value.remedy


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_guest_has_one_kernel(monkeypatch, machine):
    monkeypatch.setattr("platform.machine", lambda: machine)
    kernels = [name for name in specs()["guest"].packages if name.startswith("linux-image-")]
    assert kernels == [f"linux-image-cloud-{variants.ARCHITECTURES[machine]}"]


def test_ours_let_no_package_start_the_services():
    assert {"nginx.service", "redis-server.service"} <= set(specs()["system"].masked)


def test_packages_may_be_of_one_architecture():
    listed = ("udev", "kernel-a [amd64]", "kernel-b [arm64]")
    assert variants.packages_for(listed, "amd64") == ("udev", "kernel-a")
    assert variants.packages_for(listed, "riscv64") == ("udev",)


def test_an_edited_description_changes_its_own_spec_alone(described):
    told = {
        "system": {"over": "base", "packages": ["systemd"]},
        "guest": {"over": "system", "packages": ["udev"]},
    }
    described(**told)
    before = specs()
    told["system"]["masked"] = ["nginx.service"]
    described(**told)
    after = specs()
    assert {name for name in after if after[name] != before[name]} == {"system"}


def test_a_key_that_nobody_reads_is_refused(described):
    described(system={"over": "base", "packages": [], "package": ["systemd"]})
    with pytest.raises(ValueError, match="package"):
        variants.names()
