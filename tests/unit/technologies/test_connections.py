# SPDX-License-Identifier: Apache-2.0
"""The engines' refusals have remedies, and a process connects to each engine once."""

import hashlib
import json
import socketserver
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import docker
import libvirt
import pytest

from builders import captured, placement, start_request
from featherbench import errors
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.technologies import _container
from featherbench.technologies._container import answering
from featherbench.technologies.docker import connection
from featherbench.technologies.docker import technology as docker_technology
from featherbench.technologies.docker.technology import Technology
from featherbench.technologies.lxd import connection as lxd
from featherbench.vm.libvirt import domains

REFUSALS = {
    "the Docker engine": partial(connection.refusal, program="the Docker engine"),
    "LXD": lxd.refusal,
    "libvirt": partial(errors.refusal, program="libvirt", hints=domains.HINTS),
}


@pytest.mark.parametrize(
    ("engine", "answer", "remedy"),
    captured("messages/engines"),
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
    monkeypatch.setattr(connection, "socket_here", lambda: connection.SOCKET)
    Technology().prepare(start_request(network="host", placement=placement()))
    assert connected == ["unix:///var/run/docker.sock"]


def test_a_connection_is_kept_for_the_starts_that_follow(monkeypatch):
    made = []
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made.append(1))
    for _ in range(2):
        connection.connect("unix:///kept/docker.sock")
    assert made == [1]


class Engine(BaseHTTPRequestHandler):
    """Answers every question, or refuses it."""

    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()

    def address_string(self):
        return ""

    def log_message(self, *_):
        pass


@contextmanager
def listening(path, *, status):
    """Listen at a Unix socket: with a status, with nothing (None), or dead ("dead")."""
    handler = type("Handler", (Engine,), {"status": status})
    with socketserver.UnixStreamServer(str(path), handler) as server:
        if status == "dead":
            server.server_close()
        elif status is not None:
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        if isinstance(status, int):
            server.shutdown()


@pytest.fixture
def sockets(tmp_path, monkeypatch):
    """Unix sockets: one that answers, and others that do not."""
    monkeypatch.setattr(_container, "ANSWER_WITHIN_S", 0.2)
    states = {"live": 200, "other": 200, "refusing": 403, "starting": 503, "hanging": None}
    with ExitStack() as stack:
        for name, status in {**states, "dead": "dead"}.items():
            stack.enter_context(listening(tmp_path / name, status=status))
        (tmp_path / "plain file").touch()
        yield tmp_path


SILENT = ("dead", "refusing", "starting", "hanging", "plain file", "missing")


@pytest.mark.parametrize("silent", SILENT)
def test_the_engine_that_answers_is_used_beside_one_that_does_not(sockets, silent):
    names = (silent, "live", "other")
    assert answering([sockets / name for name in names], "/version") == sockets / "live"


def test_where_none_answers_each_has_its_reason(sockets):
    with pytest.raises(ConnectionError) as silence:
        answering([sockets / name for name in SILENT], "/1.0")
    message = str(silence.value)
    assert "dead: [Errno 111] Connection refused" in message
    assert "refusing: status 403" in message
    assert "hanging: timed out" in message
    assert "missing" not in message
    with pytest.raises(ConnectionError, match=r"missing: .*No such file"):
        answering([sockets / "missing"], "/1.0")


def test_an_engine_is_looked_for_where_its_user_says(tmp_path, monkeypatch):
    context = tmp_path / ".docker/contexts/meta" / hashlib.sha256(b"mine").hexdigest()
    context.mkdir(parents=True)
    endpoint = {"Endpoints": {"docker": {"Host": "unix:///mine.sock"}}}
    (context / "meta.json").write_text(json.dumps(endpoint))
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "mine"}')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "unix:///hosts.sock")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert list(map(str, connection.candidate_sockets())) == [
        "/hosts.sock",
        "/mine.sock",
        "/var/run/docker.sock",
        "/run/user/7/docker.sock",
        "/run/podman/podman.sock",
        "/run/user/7/podman/podman.sock",
    ]
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
    monkeypatch.setenv("DOCKER_CONTEXT", "unknown")
    assert connection.candidate_sockets()[0] == connection.SOCKET


def test_podman_is_not_taken_for_docker_without_a_word(monkeypatch):
    version = {"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}], "ApiVersion": "1.41"}
    info = {"Driver": "overlay", "CgroupDriver": "systemd", "DefaultRuntime": "crun"}
    info |= {"SecurityOptions": []}
    client = SimpleNamespace(version=lambda: version, info=lambda: info)
    monkeypatch.setattr(connection, "connect", lambda _: client)
    path = Path("/run/podman/podman.sock")
    for module in (connection, docker_technology):
        monkeypatch.setattr(module, "socket_here", lambda: path)
    assert Technology().facts()["answers"] == f"Podman Engine at {path}"
    with (
        pytest.raises(InstanceError, match="start: Podman refused: no such bridge"),
        connection.translate_errors("start"),
    ):
        raise docker.errors.APIError("no such bridge")


@pytest.mark.parametrize("live", ["legacy", "direct"])
def test_libvirtd_or_virtqemud_whichever_answers(live):
    def open_uri(uri):
        if not uri.endswith(live):
            raise libvirt.libvirtError("Connection refused")
        return uri

    assert domains._open_answering(open_uri) == f"{domains.URI}?mode={live}"
