# SPDX-License-Identifier: Apache-2.0
"""What holds for every file of the repository."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPDX = "SPDX-License-Identifier: Apache-2.0"
SOURCE = {".py", ".smk", ".sh", ".c", ".h", ".lua"}
SOURCE_NAMES = {"Snakefile", "Makefile", "run"}
NOT_OURS = {".git", ".hypothesis", ".pytest_cache", ".snakemake", ".venv", "results"}
"""Files that come and go while these tests run are among them: root file systems being made."""
LOCKS = ["requirements.lock", "requirements-dev.lock", "setup/installer.lock"]


def sources() -> list[str]:
    tops = [top for top in ROOT.iterdir() if top.name not in NOT_OURS]
    files = [file for top in tops for file in (top.rglob("*") if top.is_dir() else [top])]
    return sorted(
        str(file.relative_to(ROOT))
        for file in files
        if file.is_file() and (file.suffix in SOURCE or file.name in SOURCE_NAMES)
    )


def licence_line(path: str) -> str:
    """Return the first line, or the one after the line that names the interpreter."""
    lines = (ROOT / path).read_text().splitlines()
    return next((line for line in lines if not line.startswith("#!")), "")


def pins(lock: str) -> dict[str, str]:
    """Map each name, with its marker, to its version."""
    lines = (ROOT / lock).read_text().splitlines()
    found = (re.match(r"([\w.-]+)==(\S+)( ; .*?)? \\$", line) for line in lines)
    return {pin[1] + (pin[3] or ""): pin[2] for pin in found if pin}


def test_every_source_file_starts_with_its_licence():
    paths = sources()
    assert len(paths) > 500
    assert [path for path in paths if SPDX not in licence_line(path)] == []


def texts_without_encoding(path: str) -> list[str]:
    """Return where a text file is read or written in the locale's encoding."""
    calls = [
        node
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"read_text", "write_text"}
    ]
    return [
        f"{path}:{call.lineno}"
        for call in calls
        if not any(keyword.arg == "encoding" for keyword in call.keywords)
    ]


def test_texts_are_utf_8_whatever_the_users_locale_is():
    ours = [path for path in sources() if path.startswith(("scripts/", "examples/"))]
    modules = [path for path in ours if path.endswith(".py")]
    assert [place for path in modules for place in texts_without_encoding(path)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_everything_and_names_no_place_to_download_from(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|file:|--(extra-)?index-url|--find-links|(?<![\w.])/\w", text)
    assert pins(lock)
    assert len(pins(lock)) == len(re.findall(r"==\S+.*\\\n    --hash=sha256:[0-9a-f]{64}", text))


def test_the_tests_run_what_the_users_run():
    users, tests = pins("requirements.lock"), pins("requirements-dev.lock")
    assert users.items() <= tests.items()
