# SPDX-License-Identifier: Apache-2.0
"""Instances are leased, started again when they are gone, and their tuning is read back."""

from functools import partial
from types import SimpleNamespace

import pytest

from builders import cell, placement, window
from featherbench import registry
from featherbench.contracts.bench import Bench
from featherbench.errors import ImageError, InstanceDiedError, LoadError, TestbedError
from featherbench.jobs import deployment
from featherbench.jobs.deployment import LiveInstance
from featherbench.records.cell import Verdict
from featherbench.records.instance import Endpoint, Instance
from featherbench.records.tuning import Tuning
from featherbench.services import open_connections
from featherbench.system.sysctls import HIDDEN
from featherbench.testbed.lease import Lease
from featherbench.unikernels import description_loader
from featherbench.unikernels.runtime_control import NOT_APPLIED

SOMAXCONN = {"net.core.somaxconn": "1024"}


def instance(name="abc", handle=None):
    address = "198.18.2.2"
    return Instance(
        id=name,
        technology="rumprun",
        service="kv",
        handle=handle or {},
        endpoint=Endpoint(address=address, port=16379, ping_address=address),
        started_utc="",
    )


def technology_with(tuning):
    return SimpleNamespace(tuning_in_force=lambda *_: tuning, apply_runtime_settings=lambda _: {})


def tuning_in_force(technology, handle):
    bench = SimpleNamespace(
        technology=technology,
        tuning=Tuning(net_sysctls=SOMAXCONN, nofile=None),
        coordinates=SimpleNamespace(platform="rumprun-tcg"),
        under_test=instance(handle=handle),
    )
    bench.apply_runtime_settings = partial(Bench.apply_runtime_settings, bench)
    return deployment._tuning_in_force(bench)


def test_a_unikernels_limits_are_hidden_and_those_of_its_description_are_reported():
    description = description_loader.find("rumprun", "kv", "qemu", {})
    in_force = tuning_in_force(
        registry.platform("rumprun", "tcg"), {"description": description.model_dump(mode="json")}
    )
    assert in_force["net.core.somaxconn"] == HIDDEN
    assert in_force[NOT_APPLIED].startswith(
        "not applied: the path of its program is not configured"
    )


def test_what_was_read_back_and_differs_is_an_error():
    lax = technology_with({"net.core.somaxconn": "128"})
    with pytest.raises(TestbedError, match="is '128' inside rumprun-tcg, not '1024'"):
        tuning_in_force(lax, {})


def test_what_others_read_back_is_all_there_is():
    assert tuning_in_force(technology_with(SOMAXCONN), {}) == SOMAXCONN


@pytest.mark.parametrize("content", [None, "", '{"technology": "do', "\0"])
def test_an_image_without_a_record_is_named_with_the_remedy(tmp_path, monkeypatch, content):
    monkeypatch.setattr(deployment, "IMAGES", tmp_path)
    if content is not None:
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker/http.json").write_text(content)
    with pytest.raises(ImageError, match=r"docker/http\.json of the image is gone") as raised:
        deployment.image_of("docker", "http")
    assert "http.digest" in raised.value.remedy


@pytest.mark.parametrize(
    ("share", "subnet"), [(None, "198.18.1.0/24"), (0, "198.18.1.0/27"), (7, "198.18.1.224/27")]
)
def test_a_technology_gets_its_eighth_of_the_container_subnet(share, subnet):
    assert placement().with_share(share).container_subnet == subnet


@pytest.fixture
def live(monkeypatch):
    """Return what a cell of 100 connections is measured against, and the numbers tried."""

    def of(technology, hypervisor, workload="http"):
        tried = []
        bench = SimpleNamespace(technology=registry.platform(technology, hypervisor), instance=None)
        leased = LiveInstance(bench=bench, tuning={"instance": {}})
        monkeypatch.setattr(deployment, "warm_instance", lambda *_: leased)
        monkeypatch.setattr(
            open_connections, "verify", lambda _, number: tried.append(number) or "verified"
        )
        spec = SimpleNamespace(connections=100, workload=SimpleNamespace(name=workload))
        record = testbed = SimpleNamespace()
        found = deployment.live_instance(spec, record, bench, testbed)
        return found.tuning, tried

    return of


@pytest.mark.parametrize(
    ("platform", "tuning", "tried"),
    [
        (("osv", "tcg"), {"open connections": "verified"}, [100]),
        (("floor", "tcg", "latency"), {}, []),
        (("linux", "native"), {}, []),
    ],
    ids=["nobody can read them", "nothing is served", "they were read back"],
)
def test_the_cells_connections_are_tried_where_limits_cannot_be_read(live, platform, tuning, tried):
    assert live(*platform) == ({"instance": {}, **tuning}, tried)


def test_without_a_deployment_the_lease_ends_and_no_instance_is_under_test(monkeypatch):
    released = []
    monkeypatch.setattr(deployment.lease, "release", lambda: released.append(True))
    bench, testbed = SimpleNamespace(), SimpleNamespace(applied={"client": {}})
    found = deployment.live_instance(None, None, bench, testbed)
    assert released == [True]
    assert found == LiveInstance(bench=bench, tuning={"testbed": {"client": {}}})


@pytest.fixture
def leasing(monkeypatch):
    """A deployment's lease, on a technology whose instances run while they are in `running`."""
    state = SimpleNamespace(lease=None, running={"new"}, started=[], warmed=[])
    technology = SimpleNamespace(
        is_running=lambda instance: instance.id in state.running,
        diagnosis=lambda _: "exited with 1",
        user_images=False,
    )

    class StubBench(SimpleNamespace):
        def with_instance(self, under_test):
            return StubBench(**{**vars(self), "under_test": under_test})

    def start(bench, _workload, _testbed):
        state.started.append(True)
        return LiveInstance(
            bench=bench.with_instance(instance("new")), tuning={"new": 1}, verified="again"
        )

    workload = SimpleNamespace(warm_up=lambda bench: state.warmed.append(bench) or {"requests": 1})
    monkeypatch.setattr(deployment, "_start", start)
    monkeypatch.setattr(deployment.registry, "load", lambda *_: workload)
    monkeypatch.setattr(deployment.lease, "current", lambda: state.lease)
    monkeypatch.setattr(deployment.lease, "store", lambda lease: setattr(state, "lease", lease))
    monkeypatch.setattr(deployment.lease, "release", lambda: setattr(state, "lease", None))
    state.bench = StubBench(technology=technology, coordinates="a-native/http/d1/c1")
    return state


SPEC = SimpleNamespace(
    workload=SimpleNamespace(name="http"),
    platform=SimpleNamespace(technology="a", hypervisor="native", hypervisor_settings={}),
)
RECORD = SimpleNamespace(deployment_id="d1", verified="once", tuning={"old": 1})


def lease_of(deployment_id, *, warmed):
    return Lease(
        deployment_id=deployment_id,
        instance=instance("old"),
        technology="a",
        hypervisor="native",
        warmed=warmed,
    )


def warm(state):
    return deployment.warm_instance(SPEC, RECORD, state.bench, SimpleNamespace())


def test_a_warm_instance_is_used_again_as_it_is(leasing):
    leasing.lease, leasing.running = lease_of("d1", warmed=True), {"old"}
    live = warm(leasing)
    assert (live.bench.under_test.id, live.verified, live.tuning) == ("old", "once", {"old": 1})
    assert not live.redeployed
    assert leasing.started == leasing.warmed == []
    assert live.overhead_s["redeploy"] == 0.0


def test_an_instance_that_is_not_warm_yet_is_warmed_up_once(leasing):
    leasing.lease, leasing.running = lease_of("d1", warmed=False), {"old"}
    assert warm(leasing).load == {"requests": 1}
    assert leasing.lease.warmed
    assert warm(leasing).load == {}
    assert len(leasing.warmed) == 1


@pytest.mark.parametrize(
    ("held", "running"),
    [
        (None, {"new"}),
        (lease_of("another", warmed=True), {"old", "new"}),
        (lease_of("d1", warmed=True), {"new"}),
    ],
    ids=["none", "another deployment's", "its instance died"],
)
def test_without_a_living_lease_the_instance_is_started_and_warmed_up_again(leasing, held, running):
    leasing.lease, leasing.running = held, running
    live = warm(leasing)
    assert (live.redeployed, live.verified, live.tuning) == (True, "again", {"new": 1})
    assert (leasing.lease.instance.id, leasing.lease.warmed) == ("new", True)
    assert len(leasing.started) == len(leasing.warmed) == 1


def test_an_instance_that_dies_while_it_warms_up_is_an_error(leasing):
    leasing.running = set()
    with pytest.raises(InstanceDiedError, match="died while it warmed up: exited with 1"):
        warm(leasing)


def test_an_instance_that_fails_its_checks_is_stopped():
    stopped = []
    bench = SimpleNamespace(technology=SimpleNamespace(stop=stopped.append), under_test="i")
    with pytest.raises(ValueError, match="wrong"), deployment._stopped_on_failure(bench):
        raise ValueError("wrong")
    assert stopped == ["i"]


def test_the_rate_that_a_cell_shows_is_the_median_of_its_valid_windows():
    values = {"kv_get_throughput": [80.0, 90.0, 400.0], "kv_set_throughput": [70.0]}
    windows = [window(metric, value) for metric in values for value in values[metric]]
    windows.append(window("kv_get_throughput", 1.0, verdict=Verdict.INVALID))
    shown = cell("linux-native", "kv", 1, 100, windows)
    assert deployment.reached_rates(shown) == {"kv_get_throughput": 90, "kv_set_throughput": 70}


def test_a_cell_without_a_valid_window_shows_no_rate():
    windows = [window("http_throughput", 1.0, verdict=Verdict.INVALID)]
    shown = cell("linux-native", "http", 1, 100, windows)
    with pytest.raises(LoadError, match="linux-native/http/d1/c100 has no valid window") as error:
        deployment.reached_rates(shown)
    assert "rm results/cells/linux-native/http/d1/c100.json" in error.value.remedy
