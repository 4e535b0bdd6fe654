# SPDX-License-Identifier: Apache-2.0
"""A spec is compared as text, and becomes a file when a command with it is formatted."""

import pytest

from featherbench.planning.spec_files import SpecParam

JOB = "measure/a-native/http/d1/c1"
FILE = f"results/specs/{JOB}.json"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def param(content, *, dry_run=False):
    return SpecParam(content, job=JOB, dry_run=dry_run)


def test_snakemake_compares_it_as_the_text_itself():
    assert isinstance(param("{}"), str)
    assert repr(param('{"a":1}')) == repr('{"a":1}')
    assert f"{param('{}')}" == "{}"


def test_a_command_with_it_writes_the_file_and_names_it(folder):
    assert f"--spec {param('{1}'):file}" == f"--spec {FILE}"
    assert (folder / FILE).read_text() == "{1}"


def test_the_file_of_a_killed_run_is_replaced_and_the_same_content_is_kept(folder):
    command = "{:file}"
    command.format(param("{1}"))
    before = (folder / FILE).stat().st_mtime_ns
    command.format(param("{1}"))
    assert (folder / FILE).stat().st_mtime_ns == before
    command.format(param("{2}"))
    assert (folder / FILE).read_text() == "{2}"


def test_a_dry_run_names_the_file_and_writes_nothing(folder):
    assert f"{param('{1}', dry_run=True):file}" == FILE
    assert list(folder.iterdir()) == []
