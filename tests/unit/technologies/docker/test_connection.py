# SPDX-License-Identifier: Apache-2.0
"""The engine's errors with remedies, and one connection per process (also `technology`)."""

import docker
import pytest

from builders import placement, start_request
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.technologies.docker import connection
from featherbench.technologies.docker.connection import refusal
from featherbench.technologies.docker.technology import Technology


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ("write /x: no space left on device", "make room"),
        ("Bind for 198.18.0.1:18080 failed: port is already allocated", "end what listens"),
        ("listen tcp4 198.18.0.1:18080: bind: address already in use", "end what listens"),
        ("unknown or invalid runtime name: runsc", "daemon.json"),
        ("Unknown runtime specified runsc", "daemon.json"),
        ("Pool overlaps with other one on this address space", "container_subnet"),
    ],
)
def test_a_refusal_of_the_engine_has_a_remedy(answer, remedy):
    error = refusal("start", answer, InstanceError)
    assert isinstance(error, InstanceError)
    assert answer in error.message
    assert remedy in error.remedy


def test_a_missing_image_is_an_image_error_with_the_file_to_delete():
    error = refusal("create", "No such image: sha256:d", InstanceError)
    assert isinstance(error, ImageError)
    assert "results/images/docker" in error.remedy


def test_another_refusal_is_of_the_given_class():
    error = refusal("prepare", "boom", TestbedError)
    assert isinstance(error, TestbedError)
    assert "prepare" in error.message
    assert "boom" in error.message


def test_prepare_connects_to_the_engine_even_without_a_network(monkeypatch):
    connected = []
    monkeypatch.setattr(connection, "connect", connected.append)
    Technology().prepare(start_request(network="host", placement=placement()))
    assert connected == ["unix:///var/run/docker.sock"]


def test_a_connection_is_kept_for_the_starts_that_follow(monkeypatch):
    made = []
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made.append(1))
    url = "unix:///kept/docker.sock"
    connection.connect(url)
    connection.connect(url)
    assert made == [1]
