# SPDX-License-Identifier: Apache-2.0
"""What the Docker driver asks of an engine, and how it tells what the engine answers."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import docker
import pytest

from featherbench.contracts.technology import Placement, StartRequest
from featherbench.errors import ImageError, InstanceError, TestbedError
from featherbench.records.image import Image, ImageSize
from featherbench.records.tuning import Tuning
from featherbench.services import launcher
from featherbench.system import firewall
from featherbench.system.machine import LOCAL
from featherbench.technologies.docker import connection, container_spec, images, network
from featherbench.technologies.docker.connection import explained
from featherbench.technologies.docker.technology import Settings, Technology

NO_SIZE = ImageSize(allocated_bytes=0, apparent_bytes=0, compressed_bytes=0, counted="")
IMAGE = Image(
    technology="docker",
    service="http",
    digest="d",
    reference={"id": "sha256:d"},
    size=NO_SIZE,
    versions={},
    built_utc="",
    build_log="",
)


def request(way="nat", **changed):
    placement = Placement(
        hypervisor="native",
        address="198.18.0.1",
        callback_address="198.18.0.1",
        cpus=(2, 3),
        container_subnet="198.18.1.0/24",
        state=Path("/run/state"),
    )
    given = {
        "instance_id": "abc",
        "service": "http",
        "image": IMAGE,
        "command": launcher.serve_command("http"),
        "port": 18080,
        "network": way,
        "settings": Settings(),
        "tuning": Tuning(net_sysctls={"net.core.somaxconn": "1024"}, nofile=20000),
        "placement": placement,
        "log": Path("x.log"),
    }
    return StartRequest(**given | changed)


def creation(given, **settings):
    return container_spec.creation(given, **Settings(**settings).model_dump())


# --- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["nat", "bridge", "host"])
def test_a_container_is_unprivileged_however_it_is_reached(way):
    found = creation(request(way))
    assert found["user"] == "33:33"
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges"]
    assert found["read_only"] is True
    assert list(found["tmpfs"]) == ["/run/featherbench"]
    assert not {"privileged", "cap_add", "volumes", "devices", "pid_mode"} & set(found)


def test_a_container_gets_its_cpus_limits_and_labels():
    found = creation(request(), memory_mib=64)
    assert found["cpuset_cpus"] == "2,3"
    assert found["ulimits"] == [{"Name": "nofile", "Soft": 20000, "Hard": 20000}]
    assert found["mem_limit"] == "64m"
    assert found["labels"] == {"featherbench": "abc", "featherbench.state": "/run/state"}
    assert found["name"] == "featherbench-abc"


def test_nothing_is_limited_unless_asked_for():
    found = creation(request(tuning=Tuning(net_sysctls={}, nofile=None)))
    assert found["ulimits"] == []
    assert found["mem_limit"] is None


def test_seccomp_is_off_only_on_demand():
    assert "seccomp=unconfined" in creation(request(), seccomp="unconfined")["security_opt"]


def test_through_nat_the_port_is_published_at_the_places_address_alone():
    found = creation(request("nat"))
    assert found["ports"] == {"18080/tcp": ("198.18.0.1", 18080)}
    assert found["network"] == "featherbench"
    assert found["command"][2:] == ["0.0.0.0", "18080"]


def test_on_the_bridge_nothing_is_published():
    found = creation(request("bridge"))
    assert found["ports"] == {}
    assert found["network"] == "featherbench"
    assert found["sysctls"] == {"net.core.somaxconn": "1024"}


def test_in_the_hosts_network_it_listens_at_the_places_address_and_sets_nothing():
    found = creation(request("host"))
    assert found["network"] == "host"
    assert found["command"][2:] == ["198.18.0.1", "18080"]
    assert found["ports"] == {}
    assert found["sysctls"] == {}


def test_the_probe_publishes_nothing():
    assert creation(request(port=None))["ports"] == {}


# --- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api_version", "unprotected"),
    [("1.41", False), ("1.47", False), ("1.48", True), ("1.51", True), ("2.0", True)],
)
def test_newer_engines_are_told_to_route_to_containers(api_version, unprotected):
    options = network.driver_options(api_version)
    assert options["com.docker.network.bridge.name"] == "fb-docker0"
    gateway = options.get("com.docker.network.bridge.gateway_mode_ipv4")
    assert gateway == ("nat-unprotected" if unprotected else None)


def test_a_network_that_says_more_than_was_asked_for_is_as_wanted():
    wanted = network.description("198.18.1.0/24", "/run/state", "1.41")
    pool = {"Subnet": "198.18.1.0/24", "Gateway": "198.18.1.1", "IPRange": ""}
    found = wanted | {"Id": "1", "IPAM": {"Driver": "default", "Config": [pool]}}
    assert network.is_as_wanted(found, wanted)


@pytest.mark.parametrize(
    "changed",
    [
        {"IPAM": {"Config": [{"Subnet": "198.18.2.0/24", "Gateway": "198.18.2.1"}]}},
        {"IPAM": {"Config": []}},
        {"Options": {}},
        {"Labels": None},
        {"Driver": "macvlan"},
    ],
)
def test_another_network_is_not_as_wanted(changed):
    wanted = network.description("198.18.1.0/24", "/run/state", "1.41")
    assert not network.is_as_wanted(wanted | changed, wanted)


def test_only_our_own_rules_are_found():
    listing = """\
-N DOCKER-USER
-A DOCKER-USER -s 198.18.0.0/15 -d 198.18.0.0/15 -m comment --comment "featherbench /a" -j ACCEPT
-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment "not featherbench" -j DROP
-A DOCKER-USER -s 10.0.0.0/8 -m comment --comment featherbenchmark -j DROP
-A DOCKER-USER -j RETURN
"""
    assert list(firewall.parse_rules(listing)) == [(firewall.rule("/a"), "/a")]


# --- images --------------------------------------------------------------------------------------


@pytest.fixture
def contents(tmp_path):
    root = tmp_path / "root.tar"
    root.write_bytes(b"root")
    files = {"/srv/featherbench/http/payload": b"x"}
    digest = hashlib.sha256(b"root").hexdigest()
    return images.Contents(service="http", root_tar=root, root_digest=digest, files=files)


def test_an_archive_holds_every_layer_under_its_digest(contents, tmp_path):
    images.write_archive(contents, tmp_path / "image.tar", tag="featherbench/http:x")
    with tarfile.open(tmp_path / "image.tar") as archive:
        read = {each.name: archive.extractfile(each).read() for each in archive}
    (manifest,) = json.loads(read["manifest.json"])
    described = json.loads(read[manifest["Config"]])
    found = [f"sha256:{hashlib.sha256(read[name]).hexdigest()}" for name in manifest["Layers"]]
    assert described["rootfs"]["diff_ids"] == found
    assert manifest["RepoTags"] == ["featherbench/http:x"]
    assert contents.digest == hashlib.sha256(read[manifest["Config"]]).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(read["files.tar"])) as layer:
        assert "srv/featherbench/http/payload" in layer.getnames()


def test_each_checkout_has_its_own_name_for_its_image(tmp_path):
    tags = {images.tag_for("http", tmp_path / name) for name in ("a/http", "b/http", "a/../a/http")}
    assert len(tags) == 2


def test_an_app_without_files_has_one_layer(contents):
    probe = images.Contents(
        service="startup", root_tar=contents.root_tar, root_digest=contents.root_digest, files={}
    )
    assert probe.layer_digests == [contents.root_digest]
    assert probe.digest != contents.digest


def test_layers_are_found_on_overlay2_only():
    data = {"UpperDir": "/d/2/diff", "LowerDir": "/d/1/diff:/d/0/diff"}
    described = {"GraphDriver": {"Name": "overlay2", "Data": data}}
    assert images.layer_folders(described) == [
        Path("/d/2/diff"),
        Path("/d/1/diff"),
        Path("/d/0/diff"),
    ]
    assert images.layer_folders({"GraphDriver": {"Name": "btrfs", "Data": None}}) == ()
    assert images.layer_folders({}) == ()


def test_without_its_layers_the_engines_size_is_taken_and_said_so():
    allocated, counted = images.allocated_bytes({"Size": 7}, LOCAL)
    assert allocated == 7
    assert "engine" in counted


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("write /x: no space left on device", "make room"),
        ("Bind for 198.18.0.1:18080 failed: port is already allocated", "end what listens"),
        ("listen tcp4 198.18.0.1:18080: bind: address already in use", "end what listens"),
        ("unknown or invalid runtime name: runsc", "daemon.json"),
        ("Unknown runtime specified runsc", "daemon.json"),
        ("Pool overlaps with other one on this address space", "container_subnet"),
    ],
)
def test_what_the_engine_refuses_has_a_remedy(said, remedy):
    error = explained("start", said, InstanceError)
    assert isinstance(error, InstanceError)
    assert said in error.message
    assert remedy in error.remedy


def test_a_missing_image_is_an_image_error_with_the_file_to_delete():
    error = explained("create", "No such image: sha256:d", InstanceError)
    assert isinstance(error, ImageError)
    assert "results/images/docker" in error.remedy


def test_any_other_refusal_is_of_the_kind_asked_for():
    error = explained("prepare", "boom", TestbedError)
    assert isinstance(error, TestbedError)
    assert "prepare" in error.message
    assert "boom" in error.message


# --- starts are timed ----------------------------------------------------------------------------


def test_the_engine_is_connected_to_before_the_first_start_even_without_a_network(monkeypatch):
    connected = []
    monkeypatch.setattr(connection, "connect", connected.append)
    Technology().prepare(request("host"))
    assert connected == ["unix:///var/run/docker.sock"]


def test_a_connection_is_kept_for_the_starts_that_follow(monkeypatch):
    made = []
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made.append(1))
    url = "unix:///kept/docker.sock"
    connection.connect(url)
    connection.connect(url)
    assert made == [1]
