# SPDX-License-Identifier: Apache-2.0

import errno

import pytest

from featherbench import errors

HINTS = (
    errors.ErrorHint(r"no space left", "make room"),
    errors.ErrorHint(r"no such image", "build it", error=errors.ImageError),
)


def refused(message):
    return errors.refusal("start", message, errors.InstanceError, program="the engine", hints=HINTS)


def test_a_known_phrase_has_a_remedy_whatever_its_case():
    error = refused("write: No Space Left on device")
    assert (error.message, error.remedy) == ("start: write: No Space Left on device", "make room")
    assert type(error) is errors.InstanceError


def test_a_hint_may_stand_for_a_special_error():
    assert type(refused("no such image: x")) is errors.ImageError


def test_an_unknown_phrase_is_passed_on():
    error = refused("boom")
    assert (error.message, error.remedy) == ("start: the engine refused: boom", "")


def test_the_first_hint_counts():
    assert errors.find_hint(HINTS, "no such image, no space left").remedy == "make room"
    assert errors.find_hint(HINTS, "all is well") is None


@pytest.mark.parametrize(
    ("words", "to_root", "to_others"),
    [
        ("tar: ./big: Wrote only 5632 of 10240 bytes", "make room", "make room"),
        ("tar: ./big: Cannot open: No space left on device", "df -i", "df -i"),
        ("tar: ./null: Cannot mknod: No space left on device", "make room", "make room"),
        ("[Errno 122] Disk quota exceeded: 'x'", "quota -s", "quota -s"),
        ("tar: ./true: Cannot open: Read-only file system", "read-only", "read-only"),
        ("unshare: failed to execute /usr/bin/setpriv: Permission denied", "noexec", "noexec"),
        ("tar: ./null: Cannot mknod: Operation not permitted", "privileged", "who owns"),
        ("unshare: unshare failed: Operation not permitted", "privileged", "who owns"),
        ("mount: /x/root: permission denied.", "privileged", "who owns"),
        (
            "tar: etc: Cannot change ownership to uid 0, gid 42: Operation not permitted",
            "keeps no owners",
            "who owns",
        ),
        ("[Errno 13] Permission denied: 'results'", "root_squash", "who owns"),
        ("[Errno 24] Too many open files", "ulimit -n", "ulimit -n"),
        ("cc1: out of memory: Cannot allocate memory", "free -m", "free -m"),
        ("cp: error writing 'x': Input/output error", "dmesg", "dmesg"),
        ("ls: cannot access 'x': Stale file handle", "mount", "mount"),
        ("all is well", "", ""),
    ],
)
def test_each_cause_has_its_remedy(monkeypatch, words, to_root, to_others):
    for user_id, expected in ((0, to_root), (1000, to_others)):
        monkeypatch.setattr("os.geteuid", lambda user_id=user_id: user_id)
        assert (
            (expected in errors.remedy_of(words)) if expected else (errors.remedy_of(words) == "")
        )


def test_the_remedies_of_the_systems_errors_differ(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO)
    remedies = {
        errors.error_of_system(OSError(number, "")).remedy for number in (*numbers, errno.EXDEV)
    }
    assert len(remedies) == len(numbers) + 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "run as root"),
        ("authentication unavailable: no polkit agent available", "run as root"),
        ("UnixHTTPConnectionPool: Read timed out. (read timeout=300)", "hangs"),
        ("/var/run/docker.sock: timed out", "hangs"),
        ("/var/lib/lxd/unix.socket: [Errno 111] Connection refused", "start it"),
        ("Failed to connect socket to '/x': No such file or directory", "start it"),
    ],
)
def test_a_daemon_is_silent_for_a_reason(words, expected):
    assert expected in errors.remedy_of_silence(words, "start it")
