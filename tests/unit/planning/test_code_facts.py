# SPDX-License-Identifier: Apache-2.0
"""Facts about a file of code are found in its syntax tree, and cached while they are true."""

import json
import subprocess
import sys

import pytest

from featherbench.paths import SCRIPTS
from featherbench.planning import code_facts
from featherbench.planning.code_facts import CodeFacts, examine, facts_of


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A package with one module; byte code may be written."""
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(code_facts, "PACKAGE", folder)
    monkeypatch.setattr(code_facts, "SCRIPTS", tmp_path)
    monkeypatch.setattr(code_facts, "CACHE", folder / "__pycache__" / "code_facts.json")
    monkeypatch.setattr(code_facts.sys, "dont_write_bytecode", False)
    code_facts._facts_of_package.cache_clear()
    module = folder / "module.py"
    module.write_text("A = resource('one')\n")
    yield module
    code_facts._facts_of_package.cache_clear()


def facts_in_a_new_process(file):
    code_facts._facts_of_package.cache_clear()
    return facts_of(file)


@pytest.fixture
def examined(monkeypatch):
    """The sources that were examined because the cache did not have them."""
    sources = []

    def examine_and_count(source):
        sources.append(source)
        return examine(source)

    monkeypatch.setattr(code_facts, "examine", examine_and_count)
    return sources


def test_facts_are_cached(module, examined):
    facts = facts_of(module)
    assert facts_in_a_new_process(module) == facts
    assert len(examined) == 1


def test_an_edited_file_is_examined_again_and_leaves_the_cache(module):
    before = facts_of(module)
    module.write_text("A = resource('two')\n")
    after = facts_in_a_new_process(module)
    assert after.does != before.does
    assert after.resources == ("two",)
    assert len(json.loads(code_facts.CACHE.read_text())["facts"]) == 1


@pytest.mark.parametrize("content", ["", "{", '{"examined_by": "other code", "facts": {}}'])
def test_a_broken_or_old_cache_is_not_used(module, examined, content):
    facts = facts_of(module)
    code_facts.CACHE.write_text(content)
    assert facts_in_a_new_process(module) == facts
    assert len(examined) == 2


def test_nothing_is_cached_where_python_keeps_no_byte_code(module, monkeypatch):
    monkeypatch.setattr(code_facts.sys, "dont_write_bytecode", True)
    assert facts_of(module).resources == ("one",)
    assert not code_facts.CACHE.exists()


def test_a_folder_that_cannot_be_written_to_is_no_error(module):
    code_facts.CACHE.parent.write_text("a file where the folder should be")
    assert facts_of(module).resources == ("one",)


@pytest.mark.usefixtures("module")
def test_a_file_outside_the_package_is_examined_as_it_is_now(tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text("A = 1\n")
    before = facts_of(plugin)
    plugin.write_text("A = 2\n")
    assert facts_of(plugin).does != before.does


def bound(source):
    return {found.bound for found in examine(source.encode()).imports}


def test_imports_of_the_package_are_found_at_any_depth_but_for_types_alone():
    source = """
import json
from other import thing
def f():
    try:
        from featherbench.files import digest
    except ImportError:
        from featherbench import errors as faults
if TYPE_CHECKING:
    from featherbench.paths import RESOURCES
"""
    assert bound(source) == {"digest", "faults"}


OTHER_PYTHONS_FIELDS = """
import ast, sys
from featherbench.planning import code_facts
fields = ast.iter_fields
def of_a_newer_python(node):
    yield from fields(node)
    yield "field_of_a_newer_python", []
    yield "another", None
before = code_facts.examine(open(sys.argv[1], "rb").read())
ast.iter_fields = of_a_newer_python
assert code_facts.examine(open(sys.argv[1], "rb").read()) == before
"""


def test_another_python_version_gives_the_same_facts():
    """Newer versions add fields to syntax trees, and number their byte code differently."""
    file = SCRIPTS / "featherbench/system/cgroup.py"
    argv = [sys.executable, "-c", OTHER_PYTHONS_FIELDS, str(file)]
    subprocess.run(argv, check=True, env={"PYTHONPATH": str(SCRIPTS)})


@pytest.mark.parametrize(("one", "other"), [("f('')", "f()"), ("['', 'a']", "['a']"), ("1", "1.0")])
def test_values_that_differ_count(one, other):
    assert examine(one.encode()).does != examine(other.encode()).does


SAMPLE = b'''
from featherbench.files import digest
LIMIT = {"a", "b"}
async def f(x, /, *y: int, z=1.5, **k):
    """Doc."""
    with open(x) as one, open(x) as two:
        return f"{one!r:>{z}} {y[0]}" if (n := len(k)) else {**k, "b": b"c" * n}
class C(dict):
    value: int = 3
    def g(self):
        try:
            raise ValueError from None
        except* OSError:
            del self.value
        match self:
            case {"a": [1, *_]} | C(value=2):
                yield (lambda: ...)
'''
SAMPLE_DIGEST = "dec03a768bcdcf5d"


def test_facts_of_a_sample_with_much_syntax_never_change():
    """The digest was made once, by Python 3.11: every version must find the same."""
    facts = examine(SAMPLE)
    assert isinstance(facts, CodeFacts)
    assert facts.does[:16] == SAMPLE_DIGEST
