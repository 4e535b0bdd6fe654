# SPDX-License-Identifier: Apache-2.0
"""The structure of the package: no circle of folders, few loose modules, a test for each module."""

import re

import pytest

import structure


@pytest.mark.parametrize("with_types", [False, True])
def test_no_folders_import_each_other_in_a_circle_not_even_for_types(with_types):
    assert structure.circles(structure.rooms(with_types=with_types)) == []


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, [["a", "b", "c"]]),
        ({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}}, [["a", "b"], ["c", "d"]]),
    ],
)
def test_circles_are_found(needed, expected):
    assert structure.circles(needed) == expected


def test_the_root_has_at_most_ten_loose_modules():
    loose = [name for name in structure.modules() if name and "." not in name]
    folders = {name.partition(".")[0] for name in structure.modules() if "." in name}
    assert len(set(loose) - folders) <= 10


CONSTANTS = {"clock", "units"}
"""Modules of a line or two, without anything to test."""
IMPORT = re.compile(r"from featherbench(\S*) import ([^\n(]+|\([^)]*\))")


def names_in(text):
    """Return the modules that a test imports, and those whose paths it mentions."""
    yield from re.findall(r"[\w/]+\.py", text)
    for parent, imported in IMPORT.findall(text):
        yield parent.removeprefix(".")
        for name in re.findall(r"(\w+)(?: as \w+)?", imported):
            yield f"{parent}.{name}".removeprefix(".")


def test_every_module_has_a_test_by_its_name_or_is_named_by_one():
    tests = structure.ROOT / "tests"
    named = {name for file in tests.rglob("*.py") for name in names_in(file.read_text())}
    missing = []
    for name, file in structure.modules().items():
        path = file.relative_to(structure.PACKAGE)
        mirrored = tests / "unit" / path.with_name(f"test_{path.name}")
        if file.name != "__init__.py" and not mirrored.exists() and not named & {str(path), name}:
            missing.append(name)
    assert set(missing) - CONSTANTS == set()
