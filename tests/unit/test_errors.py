# SPDX-License-Identifier: Apache-2.0

import errno

import pytest

from builders import captured
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


def test_a_hint_may_stand_for_a_special_error_and_an_unknown_phrase_is_passed_on():
    assert type(refused("no such image: x")) is errors.ImageError
    error = refused("boom")
    assert (error.message, error.remedy) == ("start: the engine refused: boom", "")


def test_the_first_hint_counts():
    assert errors.find_hint(HINTS, "no such image, no space left").remedy == "make room"
    assert errors.find_hint(HINTS, "all is well") is None


@pytest.mark.parametrize(
    ("words", "to_root", "to_others"),
    captured("messages/tools"),
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
