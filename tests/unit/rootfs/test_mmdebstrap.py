# SPDX-License-Identifier: Apache-2.0
"""The mmdebstrap command, and the error when it fails."""

from pathlib import Path

import pytest

from featherbench.errors import CommandError, ImageError
from featherbench.rootfs import mmdebstrap

CUSTOMIZATION = mmdebstrap.Customization(options=("--variant=minbase",), hooks=("copy-in x /",))


def command(sources):
    return mmdebstrap.command(
        "bookworm",
        tar=Path("/w/root.tar"),
        sources=sources,
        keyrings=Path("/w/keys"),
        customization=CUSTOMIZATION,
    )


def test_the_command_names_the_suite_the_archive_and_the_sources():
    argv = command(Path("/w/a.list"))
    assert argv[-3:] == ["bookworm", "/w/root.tar", "/w/a.list"]
    assert "--variant=minbase" in argv
    hooks = [word for word in argv if word.startswith("--customize-hook=")]
    assert hooks[0] == "--customize-hook=copy-in x /", "before the cleanup"


def test_without_sources_mmdebstrap_uses_its_own_with_the_collected_keys():
    argv = command(None)
    assert argv[-2:] == ["bookworm", "/w/root.tar"]
    assert "--keyring=/w/keys" in argv


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("tar: write: No space left on device", "make room"),
        ("E: Unable to locate package nginx-lite", "root_filesystem.packages"),
        ("E: Failed to fetch", "apt-get update"),
    ],
)
def test_a_failed_build_has_a_remedy(tmp_path, monkeypatch, output, remedy):
    def fail(argv, **_):
        raise CommandError(argv, "ended with status 25", output)

    monkeypatch.setattr(mmdebstrap, "run_logged", fail)
    with pytest.raises(ImageError, match="the base cannot be built") as failed:
        mmdebstrap.build([], what="the base", log=tmp_path / "root.log", temporary=tmp_path)
    assert remedy in failed.value.remedy
