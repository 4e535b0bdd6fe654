# SPDX-License-Identifier: Apache-2.0
"""Files are copied to dom0 once for each version."""

import os
from types import SimpleNamespace

import pytest

from featherbench.errors import CommandError, InstanceError
from featherbench.system.machine import LOCAL
from featherbench.xen import image_cache


class Recorder:
    """A dom0 that has nothing yet, and records what it is asked."""

    description = "dom0"

    def __init__(self):
        self.asked = []

    def run(self, argv, **_):
        self.asked.append(argv[0])
        return SimpleNamespace(exit_status=1 if argv[0] == "test" else 0)

    def put(self, _file, to):
        self.asked.append(f"put {to.name}")


def test_a_complete_copy_replaces_the_old_version(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    recorder = Recorder()
    image_cache.ensure_copied(recorder, [file])
    wanted = ["test", "rm", "mkdir", "put packed.tar", "tar", "rm", "mv"]
    assert recorder.asked == wanted


def test_a_file_that_changed_has_another_path(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    before = image_cache.cached_path(file)
    os.utime(file, ns=(1, 1))
    after = image_cache.cached_path(file)
    assert before != after
    assert before.parent.parent == after.parent.parent


def test_nothing_is_copied_on_this_machine(tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    image_cache.ensure_copied(LOCAL, [file])
    assert image_cache.path_in(LOCAL, file) == file


def test_a_copy_that_fails_is_an_error_of_the_image(tmp_path):
    def put(*_):
        raise CommandError(["scp"], "ended with status 1")

    file = tmp_path / "disk.raw"
    file.write_bytes(b"x")
    recorder = Recorder()
    recorder.put = put
    with pytest.raises(InstanceError, match="cannot be copied to dom0"):
        image_cache.ensure_copied(recorder, [file])
