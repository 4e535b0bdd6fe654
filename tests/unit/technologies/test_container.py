# SPDX-License-Identifier: Apache-2.0
"""What Docker's and LXD's drivers share (`technologies/_container.py`), on an engine in memory."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from builders import placement, start_request
from featherbench.errors import InstanceDiedError, InstanceError, TestbedError
from featherbench.ownership import Leftover
from featherbench.records.requirement import MissingRequirement
from featherbench.records.tuning import Tuning
from featherbench.system import firewall
from featherbench.system.sysctls import HIDDEN, NOT_SET
from featherbench.technologies._container import ContainerTechnology, Started, name_of

# `tail --verbose` of files, and what it says of one that is not there
SOMAXCONN = "==> /proc/sys/net/core/somaxconn <==\n"
LIMITS = "==> /proc/1/limits <==\nMax open files            4321                 4321     files\n"
NO_LIMITS = "tail: cannot open '/proc/1/limits' for reading: No such file or directory\n"


class Engine:
    """Containers in memory, and the operations on them: client and operations in one."""

    def __init__(self):
        self.conditions, self.fails_to_start = {}, False
        self.differs, self.exit_status = "", 0
        self.output = f"{SOMAXCONN}1024\n\n{LIMITS}"

    def is_running(self, _client, name):
        return name in self.conditions

    def condition(self, _client, name):
        return self.conditions.get(name, "")

    def run_inside(self, _client, _name, argv):
        assert argv[0] == "tail"
        return self.exit_status, self.output

    def end(self, _client, name, *, log):
        self.conditions.pop(name, None)
        log.write_text("output")

    def remove(self, _client, name):
        self.conditions.pop(name, None)


class Technology(ContainerTechnology):
    name = "fake"
    engine_missing = MissingRequirement(what="there is no engine", remedy="install it")
    sockets = (Path("/nonexistent/socket"),)
    daemons = ("no-such-daemon",)

    def __init__(self):
        self.operations = Engine()

    @contextmanager
    def connected(self, _doing, **_):
        yield self.operations

    def build_image(self, request):
        raise NotImplementedError

    def run(self, request):
        self.operations.conditions[name_of(request.instance_id)] = "created"
        if self.operations.fails_to_start:
            raise InstanceError("it cannot start")
        return Started(address="198.18.1.2", handle={"pid": 7}, phases_s={"start": 0.5})

    def control_group(self, instance, _machine):
        raise FileNotFoundError(instance.id)

    def settable(self, tuning, _machine):
        sysctls = {key: value for key, value in tuning.net_sysctls.items() if "core" in key}
        return Tuning(net_sysctls=sysctls, nofile=tuning.nofile)

    def differs(self, _client, _name):
        return self.operations.differs

    def owned(self, client):
        return [Leftover(kind="container", name=name) for name in client.conditions]

    def remove_owned(self, client, leftover):
        client.remove(client, leftover.name)


@pytest.fixture
def technology():
    return Technology()


def request(tmp_path, network="nat", **changes):
    changes = {"instance_id": "abc", "placement": placement()} | changes
    return start_request(network=network, folder=tmp_path, **changes)


@pytest.mark.parametrize(
    ("network", "address"),
    [("nat", "198.18.0.1"), ("bridge", "198.18.1.2"), ("host", "198.18.0.1")],
)
def test_the_client_uses_the_containers_address_only_on_the_bridge(
    technology, tmp_path, network, address
):
    instance = technology.start(request(tmp_path, network))
    assert instance.endpoint.address == address
    assert instance.endpoint.ping_address == "198.18.1.2"
    assert instance.handle == {"pid": 7, "machine": "", "log": str(tmp_path / "abc.log")}
    assert instance.start_phases_s == {"start": 0.5}


def test_a_container_that_cannot_start_is_removed(technology, tmp_path):
    technology.operations.fails_to_start = True
    with pytest.raises(InstanceError, match="it cannot start"):
        technology.start(request(tmp_path))
    assert technology.operations.conditions == {}


def test_a_container_is_diagnosed_until_it_is_gone(technology, tmp_path):
    instance = technology.start(request(tmp_path))
    assert technology.is_running(instance)
    assert technology.diagnosis(instance) == "created"
    technology.stop(instance)
    assert Path(instance.handle["log"]).read_text() == "output"
    assert not technology.is_running(instance)
    assert technology.diagnosis(instance) == "its container is gone"


def test_without_its_control_group_a_container_has_died(technology, tmp_path):
    instance = technology.start(request(tmp_path))
    with pytest.raises(InstanceDiedError, match="abc ended"):
        technology.usage(instance)


OWN_VALUES = f"{SOMAXCONN}128\n\n{LIMITS}"
NO_SYSCTL = f"tail: cannot open '/proc/sys/net/core/somaxconn'\n{LIMITS}"


@pytest.mark.parametrize(
    ("output", "differs", "in_force"),
    [
        (f"{SOMAXCONN}1024\n\n{LIMITS}", "", ("1024", "4321")),
        (NO_SYSCTL, "", (HIDDEN, "4321")),
        (f"{SOMAXCONN}1024\n{NO_LIMITS}", "", ("1024", HIDDEN)),
        (OWN_VALUES, "", ("128", "4321")),
        (OWN_VALUES, "the runtime runsc has", (f"{NOT_SET}the runtime runsc has 128", "4321")),
    ],
    ids=["as set", "a sysctl is hidden", "limits are hidden", "ignored", "ignored by a kernel"],
)
def test_what_an_instance_hides_or_ignores_is_told_and_the_rest_is_read(
    technology, tmp_path, output, differs, in_force
):
    instance = technology.start(request(tmp_path))
    technology.operations.output, technology.operations.differs = output, differs
    technology.operations.exit_status = int("tail: " in output)
    tuning = Tuning(
        net_sysctls={"net.ipv4.tcp_rmem": "1 2 3", "net.core.somaxconn": "1024"}, nofile=4321
    )
    assert technology.tuning_in_force(instance, tuning) == {
        "net.core.somaxconn": in_force[0],
        "net.ipv4.tcp_rmem": HIDDEN,
        "nofile": in_force[1],
    }


def test_a_tuning_that_cannot_be_read_is_an_error(technology, tmp_path):
    instance = technology.start(request(tmp_path))
    technology.operations.exit_status, technology.operations.output = 126, "no such program"
    with pytest.raises(TestbedError, match="inside container abc"):
        technology.tuning_in_force(instance, Tuning(net_sysctls={}, nofile=64))


def test_leftovers_are_those_of_the_engine_and_of_the_firewall(technology, tmp_path, monkeypatch):
    rule = Leftover(kind=firewall.RULE, name="rule", handle={"rule": []})
    removed = []
    monkeypatch.setattr(firewall, "leftovers", lambda: iter([rule]))
    monkeypatch.setattr(firewall, "remove", removed.append)
    technology.start(request(tmp_path))
    leftovers = technology.leftovers()
    assert [leftover.kind for leftover in leftovers] == ["container", "firewall rule"]
    for leftover in leftovers:
        technology.remove(leftover)
    assert technology.operations.conditions == {}
    assert removed == [rule]


def test_an_engine_without_socket_and_daemon_is_missing(technology, tmp_path):
    assert technology.engine_missing in technology.missing_requirements()
    socket = tmp_path / "socket"
    socket.touch()
    technology.sockets = (socket,)
    assert technology.engine_missing not in technology.missing_requirements()
