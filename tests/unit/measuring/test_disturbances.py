# SPDX-License-Identifier: Apache-2.0
"""How long a server waited for others; integration/platforms/disturbance_tests.py has the rest."""

import pytest

from featherbench.measuring import disturbances
from featherbench.measuring.disturbances import CLIENT_LINK, waited_s
from featherbench.testbed.network import SERVER_INTERFACE

S = 1_000_000_000


@pytest.mark.parametrize(
    ("before", "after", "expected_s"),
    [
        ({}, {}, 0.0),
        ({"a": (0, 0)}, {"a": (2 * S, S)}, 1.0),
        ({"a": (S, S)}, {"a": (2 * S, S)}, 0.0),
        ({"a": (0, 0), "b": (0, 0)}, {"a": (S, S), "b": (S, S)}, 0.0),  # they waited for each other
        ({"a": (0, 0), "b": (0, 0)}, {"a": (S, 3 * S), "b": (S, S)}, 2.0),
        ({"a": (0, 0), "b": (0, 0)}, {"a": (S, S)}, 1.0),  # one has ended
        ({"a": ()}, {"a": (S, S)}, 0.0),
        ({"a": (0, 0)}, {"a": ()}, 0.0),
    ],
)
def test_waiting_for_its_own_threads_is_not_waiting_for_others(before, after, expected_s):
    assert waited_s(before, after) == pytest.approx(expected_s)


def test_the_clients_link_is_watched_by_its_name():
    assert CLIENT_LINK == SERVER_INTERFACE


@pytest.mark.parametrize(
    ("state", "tracer", "held"),
    [("S", 0, False), ("T", 0, True), ("t", 71, True), ("t", 52, False)],
    ids=["it waits", "stopped by a signal", "by a debugger", "by the server's own kernel"],
)
def test_a_server_that_traces_itself_is_not_stopped(tmp_path, monkeypatch, state, tracer, held):
    for thread in ("50/task/50", "50/task/52", "71/task/71"):
        (tmp_path / thread).mkdir(parents=True)
    monkeypatch.setattr(disturbances, "PROC", tmp_path)
    status = f"Name:\tx\nState:\t{state} (x)\nTracerPid:\t{tracer}\n"
    assert disturbances.is_held(status, (50, 60)) is held
