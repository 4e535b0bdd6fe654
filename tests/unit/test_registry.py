# SPDX-License-Identifier: Apache-2.0
"""Drivers are found by name; a plugin that is wrong is named, without a traceback."""

import pytest

from featherbench import registry
from featherbench.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "technologies").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("def (", "SyntaxError"),
        ("A = 1", "has no class Technology"),
        ("class Technology: networks = ()", "does not derive from .*contracts.technology"),
        (
            "from featherbench.contracts import technology as c\nclass Technology(c.Technology): 1",
            "lacks build_image, .*start",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(folder, content, said):
    file = folder / "technologies/mine.py"
    file.write_text(content)
    with pytest.raises(ConfigError, match=said) as caught:
        registry.load("technologies", "mine", (str(folder),))
    assert str(file) in str(caught.value)
    assert caught.value.remedy


def test_an_unknown_name_is_told_with_the_known_ones(folder):
    with pytest.raises(ConfigError, match="no technology named 'dcoker'") as caught:
        registry.load("technologies", "dcoker", (str(folder),))
    assert "docker" in caught.value.remedy


def test_a_plugin_does_not_replace_ours(folder):
    (folder / "technologies/linux.py").write_text("class Technology: pass\n")
    assert registry.driver_files("technologies", (str(folder),))["linux"].is_relative_to(
        registry.PACKAGE
    )
