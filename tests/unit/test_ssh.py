# SPDX-License-Identifier: Apache-2.0
"""A machine that is reached by ssh: what ssh is asked for, and what its answers mean."""

from pathlib import Path

import pytest

from featherbench.errors import CommandError, InstanceDiedError
from featherbench.system import files_by_command, machine, machines, ssh
from featherbench.system.ssh import Access, SshMachine
from featherbench.system.subprocesses import Completed

# As `tail --verbose --lines=+1` of coreutils 9.1 prints them; one of the files does not exist.
LISTING = """\
==> /proc/self/mountinfo <==
22 28 0:21 / /sys rw - sysfs sysfs rw
25 28 0:5 / /dev rw - devtmpfs udev rw

==> /sys/fs/cgroup/empty <==

==> /proc/1/cgroup <==
0::/init.scope
"""


@pytest.fixture
def access(tmp_path):
    return Access(folder=tmp_path, address="198.18.2.2", interface="fb-guest0")


@pytest.fixture
def guest(access):
    """A node whose connection is open."""
    ssh.control_of(access.config).touch()
    return SshMachine(name=str(access.config))


@pytest.fixture
def asked(monkeypatch):
    """What programs are asked for, and the answer that all of them give."""

    class Asked(list):
        """Each command with its keywords; `answer` is what comes back."""

    found = Asked()
    found.answer = {"exit_status": 0, "stdout": "", "stderr": ""}

    def run(argv, **given):
        found.append((list(argv), given))
        return Completed(argv=tuple(argv), duration_s=0, cpu_s=0, **found.answer)

    monkeypatch.setattr(ssh.subprocesses, "run", run)
    return found


def test_the_configuration_trusts_one_key_and_asks_nobody(access):
    options = dict(
        line.split(maxsplit=1) for line in ssh.config_for(access).splitlines() if line[0] == " "
    )
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["UserKnownHostsFile"] == str(access.known_hosts)
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    assert (options["IdentityFile"], options["IdentitiesOnly"]) == (str(access.key), "yes")
    assert (options["BatchMode"], options["IdentityAgent"]) == ("yes", "none")


def test_nothing_is_sent_unless_the_interface_is_there(access):
    assert "BindInterface fb-guest0" in ssh.config_for(access)


def test_a_silent_machine_is_given_up_in_seconds(access):
    text = ssh.config_for(access)
    assert "ConnectTimeout 10" in text
    assert "ServerAliveInterval 5" in text
    assert "ServerAliveCountMax 3" in text


def test_keys_are_made_for_both_ends(access):
    let_in = ssh.make_access(access)
    assert let_in == access.key.with_suffix(".pub").read_text()
    assert access.key.stat().st_mode & 0o077 == 0
    known = access.known_hosts.read_text().split()
    assert known[:2] == ["node", "ssh-ed25519"]
    assert known[2] == access.host_key.with_suffix(".pub").read_text().split()[1]


def test_a_command_travels_as_the_words_it_is_made_of(guest, asked):
    guest.run(["echo", "a b", "$x;y"], timeout_s=3)
    ((argv, given),) = asked
    assert argv == ["ssh", "-F", guest.name, "node", "echo 'a b' '$x;y'"]
    assert given["timeout_s"] == 3


def test_a_lost_connection_is_a_dead_guest(guest, asked):
    ssh.control_of(Path(guest.name)).unlink()
    for use in (lambda: guest.run(["true"], timeout_s=1), lambda: guest.socket(Path("/s"))):
        with pytest.raises(InstanceDiedError):
            use()
    assert asked == []


def test_a_connection_that_is_lost_meanwhile_is_a_dead_guest(guest, asked, monkeypatch):
    asked.answer = {"exit_status": 255, "stdout": "", "stderr": "Connection closed"}
    with pytest.raises(CommandError, match="255"):
        guest.run(["exit", "255"], timeout_s=1)
    monkeypatch.setattr(SshMachine, "_require_connection", lambda _node: None)
    ssh.control_of(Path(guest.name)).unlink()
    with pytest.raises(InstanceDiedError, match="Connection closed"):
        guest.run(["true"], timeout_s=1)


def test_a_command_that_fails_there_fails_here(guest, asked):
    asked.answer = {"exit_status": 3, "stdout": "", "stderr": "no such thing"}
    with pytest.raises(CommandError, match="no such thing"):
        guest.run(["false"], timeout_s=1)
    assert guest.run(["false"], timeout_s=1, check=False).exit_status == 3


def test_files_are_read_at_once_and_exactly(guest, asked):
    asked.answer = {"exit_status": 1, "stdout": LISTING, "stderr": "tail: cannot open"}
    wanted = [Path(name) for name in ("/proc/self/mountinfo", "/gone", "/proc/1/cgroup")]
    found = guest.read(wanted)
    assert len(asked) == 1
    assert found[Path("/proc/1/cgroup")] == "0::/init.scope\n"
    assert found[Path("/sys/fs/cgroup/empty")] == ""
    assert found[Path("/proc/self/mountinfo")].splitlines()[-1].startswith("25 28")
    assert Path("/gone") not in found


def test_no_file_at_all_is_no_content():
    assert files_by_command.parse_files("") == {}


def test_a_refused_write_is_an_error_of_the_system(guest, asked):
    guest.write(Path("/sys/fs/cgroup/x"), "0")
    assert asked[-1][1]["stdin"] == "0"
    asked.answer = {"exit_status": 1, "stdout": "", "stderr": "tee: Permission denied"}
    with pytest.raises(OSError, match="Permission denied"):
        guest.write(Path("/sys/fs/cgroup/x"), "0")


def test_a_socket_is_forwarded_once(guest, asked):
    there = Path("/var/run/docker.sock")
    local = guest.socket(there)
    ((argv, _),) = asked
    assert argv[-4:] == ["forward", "-L", f"{local}:{there}", "node"]
    local.touch()
    assert guest.socket(there) == local
    assert len(asked) == 1
    assert guest.socket(Path("/other")) != local


def test_a_record_finds_its_node_again(guest):
    assert machines.named(guest.name) == guest
    assert machines.named("") == machine.LOCAL
