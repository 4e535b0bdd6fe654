# SPDX-License-Identifier: Apache-2.0
"""What a cell's surroundings are, before its workload measures."""

from types import SimpleNamespace

import pytest

from featherbench import registry
from featherbench.jobs import measurement
from featherbench.services import open_connections


@pytest.fixture
def set_up(monkeypatch):
    """Set up a cell of 100 connections on a platform; give its tuning, and what was tried out."""

    def of(technology, hypervisor, workload="http"):
        tried = []
        leased = SimpleNamespace(
            bench=SimpleNamespace(
                technology=registry.platform(technology, hypervisor), instance=None
            ),
            redeployed=False,
            verified="",
            tuning={"instance": {}},
            redeploy_s=0.0,
            warm_up_s=0.0,
        )
        monkeypatch.setattr(measurement, "warm_instance", lambda *_: leased)
        monkeypatch.setattr(
            open_connections, "verify", lambda _, wanted: tried.append(wanted) or "verified"
        )
        spec = SimpleNamespace(concurrency=100, workload=SimpleNamespace(name=workload))
        setting = measurement._set_up(spec, leased.bench, SimpleNamespace(), SimpleNamespace())
        return setting.tuning, tried

    return of


def test_limits_that_nobody_can_read_are_tried_out_with_the_cells_connections(set_up):
    assert set_up("osv", "tcg") == ({"instance": {}, "open connections": "verified"}, [100])


def test_what_serves_nothing_is_not_tried_out(set_up):
    assert set_up("floor", "tcg", "latency") == ({"instance": {}}, [])


def test_limits_that_were_read_back_are_not(set_up):
    assert set_up("linux", "native") == ({"instance": {}}, [])
