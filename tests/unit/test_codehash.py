# SPDX-License-Identifier: Apache-2.0
"""The hash of a job's code changes with what the job does, and with nothing else."""

import pytest

from featherbench.planning import code_digest
from featherbench.planning.code_digest import SCRIPTS, closure, module_digest

CODE = '''"""Subject."""

LIMIT = {"a", "b", "c"}


def f(x):
    """Do it."""
    return x in {"a", "b", "c"} and x + 1  # why
'''


@pytest.fixture
def digest_of(tmp_path):
    def give(text):
        module_digest.cache_clear()
        file = tmp_path / "m.py"
        file.write_text(text)
        return module_digest(file)

    return give


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# because"),
        ("Do it.", "Do that."),
        ("Subject.", "Topic."),
        ("\n\n\n", "\n\n\n\n"),
    ],
)
def test_comments_docstrings_and_blank_lines_do_not_count(digest_of, old, new):
    assert digest_of(CODE.replace(old, new)) == digest_of(CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ('"c"}\n', '"d"}\n'), ("x in", "x not in")]
)
def test_what_the_code_does_counts(digest_of, old, new):
    assert digest_of(CODE.replace(old, new)) != digest_of(CODE)


def test_a_measure_job_does_not_depend_on_drivers_it_does_not_name_nor_on_the_matrix():
    names = {file.relative_to(SCRIPTS).as_posix() for file in closure([SCRIPTS / "measure.py"])}
    assert "featherbench/measurement.py" in names
    assert "featherbench/testbed/session.py" in names
    assert not {n for n in names if "/platforms/" in n} - {
        "featherbench/platforms/contract.py",
        "featherbench/platforms/__init__.py",
    }
    above = ("/statistics/", "/figures/", "/report/")
    assert not [name for name in names for part in above if part in name]
    assert "featherbench/config.py" not in names
    assert "featherbench/matrix.py" not in names


def test_only_the_named_driver_counts(tmp_path):
    folder = tmp_path / "technologies"
    folder.mkdir()
    (folder / "one.py").write_text("A = 1\n")
    (folder / "two.py").write_text("B = 1\n")

    def digest(name):
        for cached in (
            "module_digest",
            "_content_digest",
            "code_digest",
            "_reached",
            "_companions",
        ):
            getattr(code_digest, cached).cache_clear()
        return code_digest.code_digest("measure", (("technologies", name),), (str(tmp_path),))

    before = digest("one"), digest("two")
    (folder / "one.py").write_text("A = 2\n")
    after = digest("one"), digest("two")
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_file_named_after_a_driver_belongs_to_it(tmp_path):
    folder = tmp_path / "technologies"
    folder.mkdir()
    (folder / "one.py").write_text("A = 1\n")
    before = code_digest.code_digest("measure", (("technologies", "one"),), (str(tmp_path),))
    (folder / "one_recipe.txt").write_text("recipe\n")
    code_digest.code_digest.cache_clear()
    code_digest._companions.cache_clear()
    assert (
        code_digest.code_digest("measure", (("technologies", "one"),), (str(tmp_path),)) != before
    )


def test_resources_of_a_package_belong_to_whoever_uses_it(tmp_path, monkeypatch):
    folder = tmp_path / "guest"
    folder.mkdir()
    (folder / "setup").write_text("ip\n")
    (folder / "unit").symlink_to("/dev/null")
    monkeypatch.setattr(code_digest, "RESOURCES", tmp_path)

    def digests():
        code_digest.code_digest.cache_clear()
        code_digest._content_digest.cache_clear()
        return [
            code_digest.code_digest("measure", (("hypervisors", hypervisor),), ())
            for hypervisor in ("tcg", "native")
        ]

    before = digests()
    (folder / "setup").write_text("ip -batch\n")
    after = digests()
    code_digest.code_digest.cache_clear()
    assert after[0] != before[0]
    assert after[1] == before[1]
