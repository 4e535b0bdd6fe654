# SPDX-License-Identifier: Apache-2.0
"""A machine that is reached by ssh: what ssh is asked for, and what its answers mean."""

import os
from pathlib import Path

import pytest

from builders import DATA
from featherbench.errors import CommandError, InstanceDiedError, MachineSilentError
from featherbench.system import machine, ssh
from featherbench.system.ssh import Access, SshMachine


@pytest.fixture
def access(tmp_path):
    return Access(folder=tmp_path, address="198.18.2.2", interface="fb-guest0")


@pytest.fixture
def guest(access):
    """A guest whose connection is open."""
    ssh.control_of(access.config).touch()
    return SshMachine(name=str(access.config))


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Programs in place of ssh's own, by name: what their scripts do, with `log` as a record."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def install(**scripts):
        for name, script in scripts.items():
            (folder / name).write_text(f'#!/bin/sh\necho "$@" >> {folder}/log\n{script}\n')
            (folder / name).chmod(0o755)
        return folder / "log"

    yield install
    ssh._close_all_shells()


def test_the_configuration_trusts_one_key_asks_nobody_and_gives_up_in_seconds(access):
    options = dict(
        line.split(maxsplit=1) for line in ssh.guest_config(access).splitlines() if line[0] == " "
    )
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["UserKnownHostsFile"] == str(access.known_hosts)
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    assert (options["IdentityFile"], options["IdentitiesOnly"]) == (str(access.key), "yes")
    assert (options["BatchMode"], options["IdentityAgent"]) == ("yes", "none")
    assert options["BindInterface"] == "fb-guest0"  # else nothing is sent
    silent = ("ConnectTimeout", "ServerAliveInterval", "ServerAliveCountMax")
    assert [options[name] for name in silent] == ["10", "5", "3"]


def test_keys_are_made_for_both_ends(access):
    let_in = ssh.make_access(access)
    assert let_in == access.key.with_suffix(".pub").read_text()
    assert access.key.stat().st_mode & 0o077 == 0
    known = access.known_hosts.read_text().split()
    assert known[:2] == ["node", "ssh-ed25519"]
    assert known[2] == access.host_key.with_suffix(".pub").read_text().split()[1]


def test_one_session_runs_all_commands_as_the_words_they_are_made_of(guest, programs):
    log = programs(ssh='shift 3; exec sh -c "$*"')
    assert guest.run(["printf", "%s|", "a b", "$x;y"], timeout_s=5).stdout == "a b|$x;y|"
    assert guest.run(["cat"], timeout_s=5, stdin="input").stdout == "input"
    assert log.read_text() == f"-F {guest.name} node env LC_ALL=C sh\n"


def test_a_lost_connection_is_a_dead_guest(guest, programs):
    log = programs(ssh="exit 1")
    ssh.control_of(Path(guest.name)).unlink()
    for use in (lambda: guest.run(["true"], timeout_s=1), lambda: guest.socket(Path("/s"))):
        with pytest.raises(InstanceDiedError):
            use()
    assert not log.exists()


def test_a_connection_that_is_lost_meanwhile_is_a_dead_guest(guest, programs):
    control = ssh.control_of(Path(guest.name))
    programs(ssh=f"rm {control}; echo Connection closed >&2; exit 255")
    with pytest.raises(InstanceDiedError, match="Connection closed"):
        guest.run(["true"], timeout_s=5)


def test_a_shell_that_is_lost_alone_is_an_error_of_that_command_only(guest, programs):
    programs(ssh="exit 255")
    with pytest.raises(CommandError, match="lost its shell"):
        guest.run(["true"], timeout_s=5)
    programs(ssh="exec sh")
    assert guest.run(["true"], timeout_s=5).exit_status == 0


def test_a_command_that_fails_there_fails_here(guest, programs):
    programs(ssh="exec sh")
    fail = ["sh", "-c", "echo no such thing >&2; exit 3"]
    with pytest.raises(CommandError, match="no such thing"):
        guest.run(fail, timeout_s=5)
    assert guest.run(fail, timeout_s=5, check=False).exit_status == 3


def test_disconnecting_ends_the_shell_and_the_connection(guest, programs):
    log = programs(ssh="exec sh")
    guest.run(["true"], timeout_s=5)
    ssh.disconnect(Path(guest.name))
    assert log.read_text().splitlines()[-1] == f"-F {guest.name} -O exit node"
    assert ssh._shells == {}


def test_a_socket_is_forwarded_once(guest, programs):
    log = programs(ssh="exit 0")
    remote = Path("/var/run/docker.sock")
    local = guest.socket(remote)
    assert log.read_text() == f"-F {guest.name} -O forward -L {local}:{remote} node\n"
    local.touch()
    assert guest.socket(remote) == local
    assert len(log.read_text().splitlines()) == 1
    assert guest.socket(Path("/other")) != local


def test_a_record_finds_its_machine_again(guest):
    assert ssh.machine_named(guest.name) == guest
    assert ssh.machine_named("") == machine.LOCAL


# --- machines of the user's ----------------------------------------------------------------------


@pytest.fixture
def users(monkeypatch, tmp_path):
    """A machine of the user's, whose files are in a folder of the test's."""
    monkeypatch.setattr(ssh, "USER_MACHINES", tmp_path / "machines")
    ssh._write_user_config.cache_clear()
    return ssh.user_machine("root@far", description="the far one", remedy="see `ssh root@far`")


def test_the_users_configuration_says_how_and_ours_what_for():
    lines = ssh.user_config(Path("/c"), (DATA / "ssh_resolved.txt").read_text()).splitlines()
    assert lines[0] == "Host node"
    assert "  BatchMode yes" in lines
    assert "  ControlPath /c/connection" in lines
    assert "  identityfile /keys/one" in lines
    assert "  proxycommand nc %h %p" in lines
    assert not any("batchmode" in line for line in lines)


def test_a_jump_is_made_by_the_users_own_configuration():
    """The machine in between may be known there alone."""
    resolved = "hostname 198.18.0.9\nproxyjump outer,me@gate:2222\n"
    config = ssh.user_config(Path("/f"), resolved, ["-F", "/home/me/config"])
    command = "ssh -F /home/me/config -J outer -W '[%h]:%p' ssh://me@gate:2222"
    assert f"  proxycommand {command}\n" in config
    assert "proxyjump" not in config
    assert "proxycommand" not in ssh.user_config(Path("/f"), "hostname x\nproxyjump none\n")


def test_the_configuration_is_written_at_the_first_use(users, programs):
    programs(ssh='[ "$1" = -G ] && echo "hostname 198.18.9.2" && exit; exec sh')
    assert not Path(users.name).exists()
    assert users.run(["echo", "there"], timeout_s=5).stdout == "there\n"
    assert "hostname 198.18.9.2" in Path(users.name).read_text()


def test_a_machine_that_does_not_answer_is_named_with_the_remedy(users, programs):
    programs(ssh='[ "$1" = -G ] && exit; echo connect to host: refused >&2; exit 255')
    with pytest.raises(MachineSilentError, match="the far one does not answer: connect") as silent:
        users.run(["xl", "info"], timeout_s=5)
    assert silent.value.remedy == "see `ssh root@far`"


@pytest.mark.parametrize(
    ("answers", "error"), [("exit 255", MachineSilentError), ("exec sh", CommandError)]
)
@pytest.mark.parametrize("status", [1, 255])
def test_the_error_of_a_copy_says_whether_the_machine_still_answers(
    users, programs, answers, error, status
):
    """scp ends with the same status when the machine falls silent, and when it has no room."""
    programs(ssh=f'[ "$1" = -G ] && exit; {answers}', scp=f"exit {status}")
    with pytest.raises(error):
        users.put(Path("/file"), Path("/there"))
