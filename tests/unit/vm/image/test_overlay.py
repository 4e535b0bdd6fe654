# SPDX-License-Identifier: Apache-2.0
"""What is laid over a guest's root file system: a unit that is missing starts nothing, silently."""

from featherbench.vm.image.overlay import (
    FILES,
    LINKS,
    MASKED,
    UNITS,
    WANTED,
    add_overlay,
    overlay_digest,
)


def test_every_unit_of_ours_is_wanted():
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


def test_a_link_more_is_another_image(monkeypatch):
    before = overlay_digest()
    monkeypatch.setitem(LINKS, "etc/more", "/dev/null")
    assert overlay_digest() != before
