# SPDX-License-Identifier: Apache-2.0
"""A guest with an engine: what is done when its kernel does not come up."""

from types import SimpleNamespace

import pytest

from featherbench.errors import InstanceError
from featherbench.guest import engine_guest

ORDER = SimpleNamespace(instance_id="abc", accelerator="tcg", console=None)


@pytest.fixture
def machines(monkeypatch, tmp_path):
    """Machines that begin to tell at their `told_at_boot`-th boot; and what was done with them."""
    made = SimpleNamespace(done=[], told_at_boot=1, report=tmp_path / "report.log")

    def start(_order):
        made.done.append("start")
        if made.done.count("start") == made.told_at_boot:
            made.report.write_text("user_space_began_s:1.5\nready_s:9.0\n")

    monkeypatch.setattr(engine_guest.machine, "start", start)
    monkeypatch.setattr(engine_guest.machine, "stop", lambda _id: made.done.append("stop"))
    monkeypatch.setattr(engine_guest.machine, "diagnosis", lambda *_: "its console said: nothing")
    monkeypatch.setattr(engine_guest.hypervisor, "is_running", lambda _id: True)
    monkeypatch.setattr(engine_guest.folder, "of", lambda _id: made)
    monkeypatch.setattr(engine_guest, "BOOTED_WITHIN_S", {"tcg": 0.05})
    monkeypatch.setattr(engine_guest, "POLL_S", 0.01)
    monkeypatch.setattr(engine_guest.ssh, "connect", lambda _config: made.done.append("connect"))
    monkeypatch.setattr(engine_guest.ssh, "disconnect", lambda _config: None)
    made.path = tmp_path
    return made


def test_a_guest_that_comes_up_is_booted_once(machines):
    engine_guest.start(ORDER, "198.18.2.2")
    assert machines.done == ["start", "connect"]


def test_a_kernel_that_hangs_is_booted_once_more(machines, caplog):
    machines.told_at_boot = 2
    engine_guest.start(ORDER, "198.18.2.2")
    assert machines.done == ["start", "stop", "start", "connect"]
    assert "booted once more" in caplog.text


def test_a_kernel_that_hangs_again_is_said_and_ended(machines):
    machines.told_at_boot = 3
    with pytest.raises(InstanceError, match="its console said: nothing"):
        engine_guest.start(ORDER, "198.18.2.2")
    assert machines.done == ["start", "stop", "start", "stop"]


def test_a_guest_that_ends_as_it_boots_is_said(machines, monkeypatch):
    machines.told_at_boot = 3
    monkeypatch.setattr(engine_guest.hypervisor, "is_running", lambda _id: False)
    with pytest.raises(InstanceError, match="ended as it booted"):
        engine_guest.start(ORDER, "198.18.2.2")
