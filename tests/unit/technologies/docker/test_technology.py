# SPDX-License-Identifier: Apache-2.0
"""Engines whose containers have a user namespace are given what can be set there."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from featherbench.records.tuning import Tuning
from featherbench.system import sysctls
from featherbench.system.machine import LOCAL
from featherbench.technologies.docker import technology

TUNING = Tuning(net_sysctls={"net.core.somaxconn": "1024", "net.ipv4.tcp_sack": "1"}, nofile=99)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (None, {"net.core.somaxconn", "net.ipv4.tcp_sack"}),
        (["name=seccomp,profile=default"], {"net.core.somaxconn", "net.ipv4.tcp_sack"}),
        (["name=seccomp,profile=default", "name=userns"], {"net.ipv4.tcp_sack"}),
        (["name=rootless", "name=cgroupns"], {"net.ipv4.tcp_sack"}),
    ],
)
def test_sysctls_that_an_engine_hides_are_left_out(monkeypatch, options, left):
    engine = SimpleNamespace(info=lambda: {"SecurityOptions": options})

    @contextmanager
    def connected(*_, **__):
        yield engine

    technology._has_user_namespace.cache_clear()
    monkeypatch.setattr(technology, "translate_errors", connected)
    visible = frozenset({"/proc/sys/net/ipv4/tcp_sack"})
    monkeypatch.setattr(sysctls, "_visible_files", lambda *_: visible)
    settable = technology.Technology().settable(TUNING, LOCAL)
    technology._has_user_namespace.cache_clear()
    assert set(settable.net_sysctls) == left
    assert settable.nofile == 99
