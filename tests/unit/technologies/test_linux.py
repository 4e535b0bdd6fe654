# SPDX-License-Identifier: Apache-2.0
"""The command of a plain process; what needs root is in tests/integration."""

from pathlib import Path

import pytest

from featherbench.errors import ImageError
from featherbench.technologies.linux import _check_devices, chrooted


def test_the_command_ends_in_the_services_with_its_address():
    argv = chrooted(Path("/t"), ["serve", "http", "{address}", "80"], "198.18.0.1")
    assert argv[-4:] == ["serve", "http", "198.18.0.1", "80"]
    assert argv[0] == "unshare"
    assert "--root=/t" in argv


def test_a_tree_on_a_file_system_without_devices_is_refused(tmp_path):
    tree = tmp_path / "tree"
    (tree / "dev").mkdir(parents=True)
    (tree / "dev/null").mkdir()
    with pytest.raises(ImageError, match="device nodes"):
        _check_devices(tree)
