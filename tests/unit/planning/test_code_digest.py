# SPDX-License-Identifier: Apache-2.0
"""The digest of a job's code changes with what the job does; facts of files are cached."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from builders import ran
from featherbench.paths import RESOURCES, SCRIPTS
from featherbench.planning import code_digest
from featherbench.planning.code_digest import CodeFacts, closure, examine, facts_of

CELL = (("technologies", "docker"), ("hypervisors", "native"), ("workloads", "http"))
DIGESTS = f"""
from featherbench.planning.code_digest import code_digest
cell = {CELL!r}
vm = (*cell[:1], ("hypervisors", "tcg"), *cell[2:])
print(code_digest("measure", cell), code_digest("measure", vm), code_digest("analyze"))
"""


class Copy:
    """A copy of the repository's code whose digests a new process finds."""

    def __init__(self, folder):
        self.folder = folder
        self.package = folder / "scripts/featherbench"

    def digests(self):
        """Return the digests of a container's cell, of the same in a VM, and of the analysis."""
        env = {"PYTHONPATH": str(self.folder / "scripts")}
        done = ran(sys.executable, "-c", DIGESTS, env=env, check=True)
        return done.stdout.split()

    def edit(self, name, old, new):
        file = self.folder / name
        text = file.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        file.write_text(text.replace(old, new))

    def move(self, old, new):
        """Move a module, and change its imports and its name in the code as one would by hand."""
        (parent, name), (new_parent, new_name) = split(old), split(new)
        place = self.package.joinpath(*old.split(".")).with_suffix(".py")
        place.rename(self.package.joinpath(*new.split(".")).with_suffix(".py"))
        line = rf"^( *from featherbench{parent} import )(.*, )?{name}(, .*)?$"
        for file in self.folder.rglob("scripts/**/*.py"):
            text = file.read_text().replace(
                f"from featherbench{parent}.{name} import",
                f"from featherbench{new_parent}.{new_name} import",
            )
            rewrite = partial(self._rest, new_parent, new_name)
            moved = re.sub(line, rewrite, text, flags=re.MULTILINE)
            file.write_text(
                re.sub(rf"\b{name}\.", f"{new_name}.", moved) if moved != text else text
            )

    @staticmethod
    def _rest(parent, name, line):
        others = f"{line[2] or ''}{(line[3] or '').removeprefix(', ')}".removesuffix(", ")
        indent = " " * (len(line[1]) - len(line[1].lstrip()))
        return f"{indent}from featherbench{parent} import {name}" + (
            f"\n{line[1]}{others}" if others else ""
        )


def split(dotted):
    parent, _, name = dotted.rpartition(".")
    return (f".{parent}" if parent else ""), name


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    without_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SCRIPTS, folder / "scripts", ignore=without_cache)
    shutil.copytree(RESOURCES, folder / "resources", symlinks=True)
    return folder


@pytest.fixture(scope="module")
def before(original):
    return Copy(original).digests()


@pytest.fixture
def copy(original, tmp_path):
    shutil.copytree(original, tmp_path / "copy", symlinks=True)
    return Copy(tmp_path / "copy")


def unchanged(before, after):
    return [a == b for a, b in zip(before, after, strict=True)]


def test_comments_docstrings_and_formatting_do_not_count(copy, before):
    for file in copy.folder.rglob("scripts/**/*.py"):
        text = file.read_text().replace('\n"""', '\n"""Another subject. ', 1)
        file.write_text(text.replace("\n\n\n", "\n\n\n\n# a comment\n"))
    assert copy.digests() == before


def test_the_folder_of_the_checkout_does_not_count(copy, before):
    copy.folder.rename(copy.folder.with_name("elsewhere"))
    assert Copy(copy.folder.with_name("elsewhere")).digests() == before


def test_a_module_that_moves_to_another_name_and_folder_does_not_count(copy, before):
    copy.move("files", "records.written")
    copy.move("system.firewall", "rootfs.walls")
    assert copy.digests() == before


def test_what_the_measuring_code_does_counts_for_cells_alone(copy, before):
    copy.edit("scripts/measure.py", "finally:", "except KeyError:\n        raise\n    finally:")
    assert unchanged(before, copy.digests()) == [False, False, True]


def test_a_symbol_from_another_module_counts(copy):
    """Two modules in one closure that define the same name are not interchangeable."""
    first = "from featherbench.contracts import workload\n"
    more = f"{first}from featherbench.paths import SCRIPTS as WHERE\n"
    copy.edit("scripts/featherbench/workloads/http.py", first, more)
    one = copy.digests()
    copy.edit("scripts/featherbench/workloads/http.py", "SCRIPTS as WHERE", "RESOURCES as WHERE")
    assert unchanged(one, copy.digests()) == [False, False, True]


def test_a_resource_belongs_to_the_modules_that_declare_it(copy, before):
    copy.edit("resources/vm/tree/usr/local/lib/featherbench/serve", "exec", "exec -c")
    assert unchanged(before, copy.digests()) == [True, False, True]


def test_a_resource_that_no_module_of_a_job_declares_does_not_count(copy, before):
    for name in ("report/report.css", "loadgens/wrk_report.lua"):
        (copy.folder / "resources" / name).write_text("another")
    assert copy.digests() == before


def test_a_measure_job_depends_on_no_driver_that_it_does_not_name_nor_on_planning():
    names = {file.relative_to(SCRIPTS).as_posix() for file in closure([SCRIPTS / "measure.py"])}
    assert "featherbench/testbed/session.py" in names
    folders = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert not folders & {
        *("technologies", "hypervisors", "workloads", "loadgens", "vm", "xen", "unikernels"),
        *("statistics", "figures", "report", "wording", "config", "planning", "cli"),
    }


@pytest.fixture
def plugins(tmp_path):
    folder = tmp_path / "technologies"
    folder.mkdir()
    (folder / "one.py").write_text("A = 1\n")
    (folder / "two.py").write_text("B = 1\n")
    return folder


def forget(*kept):
    """Have nothing cached, as in a new process, but what those functions returned."""
    for name, function in vars(code_digest).items():
        if hasattr(function, "cache_clear") and name not in kept:
            function.cache_clear()


def digest_with(folder, name):
    forget("_facts_of_package")  # they are found by content
    drivers = (("technologies", name),)
    return code_digest.code_digest("measure", drivers, (str(Path(folder).parent),))


def test_only_the_named_driver_counts(plugins):
    one, two = digest_with(plugins, "one"), digest_with(plugins, "two")
    (plugins / "one.py").write_text("A = 2\n")
    assert digest_with(plugins, "one") != one
    assert digest_with(plugins, "two") == two


def test_a_file_named_after_a_users_driver_belongs_to_it(plugins):
    before = digest_with(plugins, "one")
    (plugins / "one_recipe.txt").write_text("recipe\n")
    assert digest_with(plugins, "one") != before


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A package with one module; byte code may be written."""
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(code_digest, "PACKAGE", folder)
    monkeypatch.setattr(code_digest, "SCRIPTS", tmp_path)
    monkeypatch.setattr(code_digest, "CACHE", folder / "__pycache__" / "code_digest.json")
    monkeypatch.setattr(code_digest.sys, "dont_write_bytecode", False)
    forget()
    module = folder / "module.py"
    module.write_text("A = resource('one')\n")
    yield module
    forget()


def facts_in_a_new_process(file):
    forget()
    return facts_of(file)


@pytest.fixture
def examined(monkeypatch):
    """The sources that were examined because the cache did not have them."""
    sources = []

    def examine_and_count(source):
        sources.append(source)
        return examine(source)

    monkeypatch.setattr(code_digest, "examine", examine_and_count)
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
    assert len(json.loads(code_digest.CACHE.read_text())["facts"]) == 1


@pytest.mark.parametrize("content", ["", "{", '{"examined_by": "other code", "facts": {}}'])
def test_a_broken_or_old_cache_is_not_used(module, examined, content):
    facts = facts_of(module)
    code_digest.CACHE.write_text(content)
    assert facts_in_a_new_process(module) == facts
    assert len(examined) == 2


def test_nothing_is_cached_where_python_keeps_no_byte_code(module, monkeypatch):
    monkeypatch.setattr(code_digest.sys, "dont_write_bytecode", True)
    assert facts_of(module).resources == ("one",)
    assert not code_digest.CACHE.exists()


def test_a_folder_that_cannot_be_written_to_is_no_error(module):
    code_digest.CACHE.parent.write_text("a file where the folder should be")
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


TYPED = """
from featherbench.paths import PACKAGE, RESOURCES, SCRIPTS, Field, resource
from featherbench.records import plan
class Model(Record):
    field: Field
    def method(self, a: PACKAGE, *, b: "list[plan.Plan]" = ()) -> Mapping[str, plan.Plan]:
        local: RESOURCES = SCRIPTS
@dataclass(frozen=True)
class Plain:
    field: PACKAGE
CONSTANT: RESOURCES = 1
def f(a: SCRIPTS = resource): ...
"""


def test_an_import_for_annotations_alone_is_no_dependency_but_in_models_of_pydantic():
    assert bound(TYPED) == {"SCRIPTS", "Field", "resource"}


OTHER_PYTHONS_FIELDS = """
import ast, sys
from featherbench.planning import code_digest
fields = ast.iter_fields
def of_a_newer_python(node):
    yield from fields(node)
    yield "field_of_a_newer_python", []
    yield "another", None
before = code_digest.examine(open(sys.argv[1], "rb").read())
ast.iter_fields = of_a_newer_python
assert code_digest.examine(open(sys.argv[1], "rb").read()) == before
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
