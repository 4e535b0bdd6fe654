# SPDX-License-Identifier: Apache-2.0
"""Starts on a scripted platform, timed to the packet that they send."""

import socket
import time
from dataclasses import replace

import pytest

from builders import image, offered
from featherbench.errors import InstanceDiedError, InstanceError
from featherbench.records.cell import Verdict
from featherbench.workloads import startup as startup_module
from featherbench.workloads.startup import Workload


def send(probe, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), ("127.0.0.1", probe.port))


@pytest.fixture
def startup(bench_for, technology):
    """Build a bench on which a start sends the packets that `sends` makes of the nonce."""

    def make(sends, **settings):
        bench = bench_for("startup", **settings)
        instance = bench.under_test.model_copy(update={"start_phases_s": {"create": 0.25}})

        def start(request):
            for text in sends(request.probe.nonce):
                send(request.probe, text)
            return instance

        technology.start = start
        return replace(
            bench,
            instance=None,
            images={"startup": image(service="startup")},
            placement=replace(bench.placement, callback_address="127.0.0.1"),
        )

    return make


def test_a_start_is_timed_to_the_packet_with_its_nonce(startup, technology):
    bench = startup(lambda nonce: ["late packet of another start", nonce])
    windows = Workload().measure(bench, offered(), 2)
    assert [window.index for window in windows] == [1, 2]
    assert all(0 < window.value < 5 for window in windows)
    assert {window.notes["foreign_packets"] for window in windows} == {1}
    assert {window.notes["stamped_by"] for window in windows} == {"probe"}
    assert [(m.metric, m.value) for m in windows[0].secondary] == [("startup_phase_create", 0.25)]
    assert technology.stopped == ["abc", "abc"]


def test_the_pause_before_each_start_is_not_counted(startup, technology):
    bench = startup(lambda nonce: [nonce], settle_s=0.2)
    quiet_s, ended_s, start, stop = [], time.monotonic(), technology.start, technology.stop

    def start_in_time(request):
        quiet_s.append(time.monotonic() - ended_s)
        return start(request)

    def stop_and_note(instance):
        nonlocal ended_s
        stop(instance)
        ended_s = time.monotonic()

    technology.start, technology.stop = start_in_time, stop_and_note
    windows = Workload().measure(bench, offered(), 3)
    assert len(quiet_s) == 3
    assert all(0.2 <= quiet < 0.4 for quiet in quiet_s)
    assert all(window.value < 0.1 for window in windows)


def test_the_circumstances_of_a_start_are_judged(startup, technology, client):
    quiet = technology.usage
    technology.usage = lambda of: quiet(of).model_copy(update={"throttled_s": 0.5})
    client.cpus = (1,)
    (window,) = Workload().measure(startup(lambda nonce: [nonce]), offered(), 1)
    assert window.verdict == Verdict.SUSPECT
    assert [reason.partition(":")[0] for reason in window.reasons] == ["throttled", "shared CPUs"]


def test_a_start_without_its_packet_is_an_error_and_is_stopped(startup, technology):
    bench = startup(lambda nonce: ["x" + nonce], timeout_s=0.5)
    with pytest.raises(InstanceError, match="no packet"):
        Workload().measure(bench, offered(), 1)
    assert technology.stopped == ["abc"]


def test_the_packet_of_an_instance_that_ends_after_it_counts(startup, technology, monkeypatch):
    """It arrived after the check for it, and before the check whether its sender lives."""
    bench = startup(lambda _: [], timeout_s=600)
    technology.running = False
    begun_s = time.monotonic()

    def diagnosis(_):
        send(probes[0], probes[0].nonce)
        return "it ended"

    probes, start = [], technology.start

    def start_and_note(request):
        probes.append(request.probe)
        return start(request)

    technology.start = start_and_note
    monkeypatch.setattr(technology, "diagnosis", diagnosis)
    monkeypatch.setattr(startup_module, "LIVENESS_EVERY_S", 0.05)
    (window,) = Workload().measure(bench, offered(), 1)
    assert 0.05 < window.value < time.monotonic() - begun_s


def test_a_start_that_died_is_not_waited_for(startup, technology):
    bench = startup(lambda _: [], timeout_s=600)
    technology.running = False
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        Workload().measure(bench, offered(), 1)
    assert technology.stopped == ["abc"]


@pytest.mark.parametrize(("ticks", "verdict"), [((90, 100), "suspect"), ((9, 10), "ok")])
def test_what_others_took_in_the_pause_before_a_start_makes_it_suspect(
    startup, machine, monkeypatch, ticks, verdict
):
    busy, total = ticks

    def settle(_):
        stat = f"cpu1 {busy + 1} 0 1 {1 + total - busy} 0 0 0 0 0 0\n"
        (machine.root / "proc/stat").write_text(f"cpu0 1 0 1 1 0 0 0 0 0 0\n{stat}")

    monkeypatch.setattr(startup_module, "_settle", settle)
    (window,) = Workload().measure(startup(lambda nonce: [nonce]), offered(), 1)
    assert window.verdict == verdict
