# SPDX-License-Identifier: Apache-2.0
"""The folder of a run."""

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

import builders
from featherbench.errors import DeadlineError, FeatherbenchError
from featherbench.jobs import run_folder
from featherbench.system.processes import identity_of
from featherbench.testbed.lock import try_lock


def write(file, content="{}"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def test_a_folder_that_apt_cannot_handle_is_refused(tmp_path, monkeypatch):
    (tmp_path / "it's a bench").mkdir()
    monkeypatch.chdir(tmp_path / "it's a bench")
    run_folder.require_usable_folder()
    Path('the "bench"').mkdir()
    monkeypatch.chdir('the "bench"')
    with pytest.raises(FeatherbenchError, match="double quote"):
        run_folder.require_usable_folder()


@pytest.mark.parametrize("made", ["", ".snakemake", ".snakemake/shadow"])
def test_a_folder_where_snakemake_cannot_write_is_refused(folder, monkeypatch, made):
    (folder / made).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused = pytest.raises(PermissionError, match="snakemake")
    with nullcontext() if made.endswith("shadow") else refused:
        run_folder.require_usable_folder()


@pytest.mark.parametrize("content", ["", '{"a', "\0\0", "[1]", "{}"])
def test_damaged_records_that_jobs_make_again_are_removed_with_a_line(folder, capsys, content):
    names = ("deployments/p/w/d1", "warmups/p/w/d1", "stopping/p/w/d1", "plan", "machine")
    files = [folder / "results" / f"{name}.json" for name in names]
    kept = folder / "results/cells/p/w/d1/c1.json"
    for file in (*files, kept):
        write(file, content)
    builders.plan().write(folder / "results/plan.json")
    run_folder.drop_damaged_files()
    remaining = list((folder / "results").rglob("*.json"))
    assert sorted(remaining) == sorted([kept, folder / "results/plan.json"])
    said = capsys.readouterr().out
    assert said.count(": it is made again\n") == 4
    assert "results/deployments/p/w/d1.json cannot be read" in said


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("tables/samples.parquet", b"PAR1\0\0PAR1"),
        ("tables/summary.csv", b"platform,mean\na,1\n"),
        ("paper/tables/claims.csv", b"claim\n"),
        ("figures/http.svg", b"<svg></svg>\n"),
        ("paper/figures/figure1.png", b"\x89PNG\r\nIEND\xaeB`\x82"),
        ("rulegraph.svg", b"<svg></svg>\n"),
    ],
)
def test_truncated_tables_and_figures_are_removed_with_a_line(folder, capsys, name, whole):
    file = folder / "results" / name
    file.parent.mkdir(parents=True)
    for content in (b"", whole[:1], whole[:-1]):
        file.write_bytes(content)
        run_folder.drop_damaged_files()
        assert not file.exists()
        assert capsys.readouterr().out == (
            f"featherbench: results/{name} is truncated: it is made again\n"
        )
    file.write_bytes(whole)
    run_folder.drop_damaged_files()
    assert file.exists()


@pytest.fixture
def lock(folder):
    path = folder / ".snakemake/locks/0.input.lock"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def note(process, content=None):
    """Record a process that may have taken the lock; `content` replaces its record."""
    record = run_folder.TAKERS / f"{process.pid}.json"
    identity_of(process.pid).write(record)
    if content is not None:
        record.write_text(content)


@pytest.mark.parametrize("content", [None, "", "{", "\0"])
def test_the_lock_of_a_killed_run_is_dropped(lock, other, content):
    note(other, content)
    other.kill()
    other.wait()
    run_folder.drop_stale_lock()
    assert not lock.exists()
    assert [record.stem for record in run_folder.TAKERS.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize("content", [None, "", "{", "\0"])
def test_the_lock_of_a_living_run_stays(lock, other, content):
    note(other, content)
    run_folder.drop_stale_lock()
    assert lock.exists()


def test_only_one_at_a_time_looks_whose_it_is(lock, other, monkeypatch):
    note(other)
    other.kill()
    other.wait()
    monkeypatch.setattr(run_folder, "OURS_WITHIN_S", 0.1)
    looking = try_lock(run_folder.OUR_LOCK)
    with pytest.raises(DeadlineError):
        run_folder.drop_stale_lock()
    assert lock.exists()
    looking.release()
    run_folder.drop_stale_lock()
    assert not lock.exists()
    assert not run_folder.OUR_LOCK.exists()


def test_a_lock_of_nobody_we_know_stays(lock):
    run_folder.drop_stale_lock()
    assert lock.exists()
