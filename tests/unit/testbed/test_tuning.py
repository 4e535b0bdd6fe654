# SPDX-License-Identifier: Apache-2.0

import errno
from pathlib import Path

import pytest

from featherbench.errors import TestbedError
from featherbench.records.tuning import Tuning
from featherbench.testbed import tuning
from featherbench.testbed.state import State

RANGE = "net.ipv4.ip_local_port_range"


@pytest.fixture
def proc_sys(tmp_path, monkeypatch):
    root = tmp_path / "sys"
    for key, value in {
        "net/core/somaxconn": "4096\n",
        "net/ipv4/ip_local_port_range": "32768\t60999\n",
        "fs/file-nr": "1000\t0\t900000\n",
        "fs/file-max": "900000\n",
    }.items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(value)
    monkeypatch.setattr(tuning, "PROC_SYS", root)
    return root


@pytest.fixture
def state(tmp_path):
    return State(directory=tmp_path / "state")


def spec(file_max=None, **keys):
    net = {f"net.{key.replace('__', '.')}": value for key, value in keys.items()}
    return Tuning(net_sysctls=net, nofile=None, file_max=file_max)


def test_what_is_set_is_read_back_and_put_back(proc_sys, state):
    tuning_spec = spec(core__somaxconn="1024", ipv4__ip_local_port_range="1024 65535")
    in_force = tuning.apply_to_machine(state, tuning_spec)
    assert in_force == {"net.core.somaxconn": "1024", RANGE: "1024 65535"}
    assert (proc_sys / "net/core/somaxconn").read_text() == "1024"
    tuning.restore(state)
    assert (proc_sys / "net/core/somaxconn").read_text() == "4096"
    assert (proc_sys / "net/ipv4/ip_local_port_range").read_text() == "32768 60999"
    assert not state.sysctls.exists()


def test_the_first_originals_are_put_back_once_a_key_is_wanted_no_longer(proc_sys, state):
    for value in ("1024", "2048"):
        tuning.apply_to_machine(state, spec(core__somaxconn=value))
    tuning.apply_to_machine(state, spec())
    assert (proc_sys / "net/core/somaxconn").read_text() == "4096"
    tuning.apply_to_machine(state, spec(core__somaxconn="1024"))
    tuning.restore(state)
    tuning.restore(state)
    assert (proc_sys / "net/core/somaxconn").read_text() == "4096"


def test_the_originals_are_on_disk_before_anything_is_written(proc_sys, state, monkeypatch):
    def power_cut(_key, _value):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(tuning, "_write", power_cut)
        with pytest.raises(KeyboardInterrupt):
            tuning.apply_to_machine(state, spec(core__somaxconn="1024"))
    (proc_sys / "net/core/somaxconn").write_text("1024")
    tuning.restore(state)
    assert (proc_sys / "net/core/somaxconn").read_text() == "4096"


@pytest.mark.parametrize("content", ["", '{"originals": {"net.core', "\0"])
def test_lost_originals_are_told_once(proc_sys, state, content):
    tuning.apply_to_machine(state, spec(core__somaxconn="1024"))
    state.sysctls.write_text(content)
    with pytest.raises(TestbedError, match=rf"{state.sysctls} is damaged") as raised:
        tuning.restore(state)
    assert "sysctl --system" in raised.value.remedy
    assert repr(content) in raised.value.message
    tuning.restore(state)
    assert (proc_sys / "net/core/somaxconn").read_text() == "1024"


@pytest.mark.usefixtures("proc_sys")
def test_a_key_that_the_kernel_lacks_is_named(state):
    with pytest.raises(TestbedError, match=r"net\.core\.nonsense"):
        tuning.apply_to_machine(state, spec(core__nonsense="1"))


@pytest.mark.usefixtures("proc_sys")
def test_a_value_that_did_not_take_is_named(state, monkeypatch):
    monkeypatch.setattr(tuning, "_write", lambda _key, _value: None)
    with pytest.raises(TestbedError, match=r"net\.core\.somaxconn .* '4096', not '1024'"):
        tuning.apply_to_machine(state, spec(core__somaxconn="1024"))


@pytest.mark.usefixtures("proc_sys")
def test_the_limit_on_open_files_is_never_set_within_reach(state):
    with pytest.raises(TestbedError, match="1000 files open"):
        tuning.apply_to_machine(state, spec(file_max=1999))
    assert tuning.apply_to_machine(state, spec(file_max=2000)) == {"fs.file-max": "2000"}


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "run as root"),
        (errno.EROFS, "not in a container"),
        (errno.ENOENT, "load the module"),
        (errno.EINVAL, "a value that the kernel accepts"),
    ],
)
def test_each_refusal_of_a_sysctl_has_its_remedy(monkeypatch, number, remedy):
    def refuse(*_, **__):
        raise OSError(number, "refused")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(TestbedError, match="cannot be set") as refused:
        tuning._write("net.core.somaxconn", "1024")
    assert remedy in refused.value.remedy
