# SPDX-License-Identifier: Apache-2.0
"""The engines' refusals have remedies, and a process connects to each engine once."""

from functools import partial

import docker
import pytest

from builders import placement, start_request
from featherbench import errors
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.technologies.docker import connection
from featherbench.technologies.docker.technology import Technology
from featherbench.technologies.lxd import connection as lxd
from featherbench.vm.libvirt import domains

REFUSALS = {
    "the Docker engine": connection.refusal,
    "LXD": lxd.refusal,
    "libvirt": partial(errors.refusal, program="libvirt", hints=domains.HINTS),
}
O_DIRECT = (
    "internal error: process exited while connecting to monitor: qemu-system-x86_64: -blockdev"
    ' {"driver":"file"}: Could not open disk.qcow2: file system may not support O_DIRECT'
)


@pytest.mark.parametrize(
    ("engine", "answer", "remedy"),
    [
        ("the Docker engine", "write /x: no space left on device", "make room"),
        (
            "the Docker engine",
            "Bind for 198.18.0.1:18080 failed: port is already allocated",
            "end what listens",
        ),
        (
            "the Docker engine",
            "listen tcp4 198.18.0.1:18080: bind: address already in use",
            "end what listens",
        ),
        ("the Docker engine", "unknown or invalid runtime name: runsc", "daemon.json"),
        ("the Docker engine", "Unknown runtime specified runsc", "daemon.json"),
        (
            "the Docker engine",
            "Pool overlaps with other one on this address space",
            "container_subnet",
        ),
        ("LXD", "write /x: no space left on device", "make room"),
        ("LXD", "LXD doesn't have a uid/gid allocation", "/etc/subuid"),
        ("LXD", 'exec: "dnsmasq": executable file not found in $PATH', "dnsmasq-base"),
        ("LXD", 'IP address "198.18.1.34" already defined on another NIC', "subnet"),
        ("LXD", 'Instance "featherbench-abc" already exists', "clean"),
        ("LXD", 'Required tool "btrfs" is missing', "btrfs-progs"),
        ("LXD", "The storage pool is currently in use", "clean"),
        ("libvirt", O_DIRECT, "guest.disk_cache"),
        (
            "libvirt",
            "cannot set up guest memory 'pc.ram': Cannot allocate memory",
            "guest.memory_mib",
        ),
        (
            "libvirt",
            "unsupported configuration: Emulator does not support machine type",
            "domcapabilities",
        ),
        ("libvirt", "Could not open 'seed.img': Permission denied", "AppArmor"),
    ],
)
def test_a_refusal_has_a_remedy(engine, answer, remedy):
    error = REFUSALS[engine]("start of x", answer, InstanceError)
    assert type(error) is InstanceError
    assert "start of x" in error.message
    assert answer in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("engine", "answer", "file"),
    [
        ("the Docker engine", "No such image: sha256:d", "results/images/docker"),
        ("LXD", "Image not provided for instance creation", "results/images/lxd"),
    ],
)
def test_a_missing_image_is_an_image_error_with_the_file_to_delete(engine, answer, file):
    error = REFUSALS[engine]("create", answer, InstanceError)
    assert type(error) is ImageError
    assert file in error.remedy


@pytest.mark.parametrize("engine", REFUSALS)
def test_another_refusal_is_of_the_given_class_and_has_no_remedy(engine):
    error = REFUSALS[engine]("prepare", "boom", TestbedError)
    assert type(error) is TestbedError
    assert error.message == f"prepare: {engine} refused: boom"
    assert not error.remedy


def test_prepare_connects_to_the_engine_even_without_a_network(monkeypatch):
    connected = []
    monkeypatch.setattr(connection, "connect", connected.append)
    Technology().prepare(start_request(network="host", placement=placement()))
    assert connected == ["unix:///var/run/docker.sock"]


def test_a_connection_is_kept_for_the_starts_that_follow(monkeypatch):
    made = []
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made.append(1))
    for _ in range(2):
        connection.connect("unix:///kept/docker.sock")
    assert made == [1]
