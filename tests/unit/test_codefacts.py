# SPDX-License-Identifier: Apache-2.0
"""What is found in a file of code is remembered, and only for as long as it is true."""

import json

import pytest

from featherbench.planning import code_facts
from featherbench.planning.code_facts import examine, facts_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one module; byte code may be written."""
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(code_facts, "PACKAGE", folder)
    monkeypatch.setattr(code_facts, "MEMORY", folder / "__pycache__" / "codefacts.json")
    monkeypatch.setattr(code_facts.sys, "dont_write_bytecode", False)
    code_facts._ours.cache_clear()
    module = folder / "module.py"
    module.write_text("import json\n\nA = 1\n")
    yield module
    code_facts._ours.cache_clear()


def again(file):
    """Ask as another process would."""
    code_facts._ours.cache_clear()
    return facts_of(file)


@pytest.fixture
def examined(monkeypatch):
    """The sources that were examined and not remembered."""
    sources = []

    def examine_and_count(source):
        sources.append(source)
        return examine(source)

    monkeypatch.setattr(code_facts, "examine", examine_and_count)
    return sources


def test_what_was_examined_is_remembered(package, examined):
    first = facts_of(package)
    assert len(examined) == 1
    does, imports = again(package)
    assert (does, tuple(imports)) == tuple(first)
    assert len(examined) == 1


def test_an_edited_file_is_examined_again_and_the_old_facts_are_forgotten(package):
    before = facts_of(package)
    package.write_text("import csv\n\nA = 2\n")
    after = again(package)
    assert after.does != before.does
    assert after.imports == ("csv",)
    assert len(json.loads(code_facts.MEMORY.read_text())["facts"]) == 1


@pytest.mark.parametrize("content", ["", "{", '{"examined_by": "another Python", "facts": {}}'])
def test_a_memory_that_is_broken_or_of_another_python_does_not_count(package, examined, content):
    first = facts_of(package)
    code_facts.MEMORY.write_text(content)
    assert again(package) == first
    assert len(examined) == 2


def test_where_python_keeps_no_byte_code_nothing_is_kept(package, monkeypatch):
    monkeypatch.setattr(code_facts.sys, "dont_write_bytecode", True)
    assert facts_of(package).imports == ("json",)
    assert not code_facts.MEMORY.exists()


def test_a_folder_that_cannot_be_written_to_is_no_error(package):
    code_facts.MEMORY.parent.write_text("a file where the folder should be")
    assert facts_of(package).imports == ("json",)


@pytest.mark.usefixtures("package")
def test_a_file_outside_the_package_is_examined_as_it_is_now(tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import os.path\nfrom a.b import c\n")
    assert facts_of(plugin).imports == ("a.b", "a.b.c", "os.path")
    plugin.write_text("if TYPE_CHECKING:\n    import os\n")
    assert facts_of(plugin).imports == ()


def test_imports_are_found_at_any_depth():
    source = b"def f():\n    try:\n        import a\n    except ImportError:\n        import b\n"
    assert examine(source).imports == ("a", "b")
