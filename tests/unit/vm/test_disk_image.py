# SPDX-License-Identifier: Apache-2.0
"""The files that are added to a guest's root file system; vm/image/disk.py adds them.

If a unit were missing, nothing would start, and nothing would report it.
"""

from featherbench.vm.disk_image import (
    FILES,
    LINKS,
    MASKED,
    UNITS,
    WANTED,
    add_overlay,
    overlay_digest,
)


def test_every_unit_is_started():
    assert {path.name for path in (FILES / UNITS).iterdir()} == set(WANTED)


def test_units_are_linked_as_systemd_expects(tmp_path):
    add_overlay(tmp_path)
    units = tmp_path / UNITS
    for name in WANTED:
        assert (units / "multi-user.target.wants" / name).resolve(strict=True) == units / name
    assert {str((units / name).readlink()) for name in MASKED} == {"/dev/null"}


def test_programs_can_be_run_and_files_can_be_read(tmp_path):
    add_overlay(tmp_path)
    programs = tmp_path / "usr/local/lib/featherbench"
    assert {oct(path.stat().st_mode & 0o777) for path in programs.iterdir()} == {"0o755"}
    assert (tmp_path / UNITS / WANTED[0]).stat().st_mode & 0o777 == 0o644


def test_another_link_changes_the_digest(monkeypatch):
    before = overlay_digest()
    monkeypatch.setitem(LINKS, "etc/more", "/dev/null")
    assert overlay_digest() != before
