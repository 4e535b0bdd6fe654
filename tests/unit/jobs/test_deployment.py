# SPDX-License-Identifier: Apache-2.0
"""The tuning of an instance: read back, or told that nobody can read it."""

from functools import partial
from types import SimpleNamespace

import pytest

from featherbench import registry
from featherbench.contracts.bench import Bench
from featherbench.errors import TestbedError
from featherbench.jobs import deployment
from featherbench.records.instance import Endpoint, Instance
from featherbench.records.tuning import Tuning
from featherbench.system.sysctls import HIDDEN
from featherbench.unikernels import description_loader
from featherbench.unikernels.runtime_control import NOT_APPLIED

SOMAXCONN = {"net.core.somaxconn": "1024"}


def technology_with(tuning):
    return SimpleNamespace(tuning_in_force=lambda *_: tuning, apply_runtime_settings=lambda _: {})


def found(technology, handle):
    address = "198.18.2.2"
    bench = SimpleNamespace(
        technology=technology,
        tuning=Tuning(net_sysctls=SOMAXCONN, nofile=None),
        coordinates=SimpleNamespace(platform="rumprun-tcg"),
        under_test=Instance(
            id="abc",
            technology="rumprun",
            service="kv",
            handle=handle,
            endpoint=Endpoint(address=address, port=16379, ping_address=address),
            started_utc="",
        ),
    )
    bench.apply_runtime_settings = partial(Bench.apply_runtime_settings, bench)
    return deployment._tuning_in_force(bench)


def test_a_unikernels_limits_are_hidden_and_what_its_description_sets_is_told():
    wanted = description_loader.find("rumprun", "kv", "qemu", {})
    told = found(
        registry.platform("rumprun", "tcg"), {"description": wanted.model_dump(mode="json")}
    )
    assert told["net.core.somaxconn"] == HIDDEN
    assert told[NOT_APPLIED].startswith("not applied: nobody has said where its program is")


def test_what_was_read_back_and_differs_is_an_error():
    lax = technology_with({"net.core.somaxconn": "128"})
    with pytest.raises(TestbedError, match="is '128' inside rumprun-tcg, not '1024'"):
        found(lax, {})


def test_what_others_read_back_is_all_there_is():
    exact = technology_with(SOMAXCONN)
    assert found(exact, {}) == SOMAXCONN
