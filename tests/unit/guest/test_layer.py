# SPDX-License-Identifier: Apache-2.0
"""What is laid over a guest's root file system: a unit that is no link starts nothing, silently."""

from featherbench.guest.image import LAYER

UNITS = LAYER / "etc/systemd/system"


def test_what_is_wanted_is_a_link_to_a_unit():
    wants = list((UNITS / "multi-user.target.wants").iterdir())
    assert wants
    for want in wants:
        assert want.is_symlink()
        assert want.resolve(strict=True) == UNITS / want.name


def test_every_other_unit_is_ours_or_masked():
    for unit in (path for path in UNITS.iterdir() if path.name != "multi-user.target.wants"):
        ours = unit.name.startswith("featherbench")
        assert ours != unit.is_symlink(), unit
        assert ours or str(unit.readlink()) == "/dev/null"
