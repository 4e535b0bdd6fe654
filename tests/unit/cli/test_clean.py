# SPDX-License-Identifier: Apache-2.0

from argparse import ArgumentParser

import pytest

from featherbench.cli import clean
from featherbench.testbed.cleanup import CleanupResult, CleanupStep
from featherbench.testbed.state import STATE_VARIABLE


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command on a testbed with some steps or results; return its status and output."""

    def run_clean(*options, steps=(), results=()):
        monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
        monkeypatch.setattr(clean.cleanup, "planned_steps", lambda *_: list(steps))
        monkeypatch.setattr(clean.cleanup, "clean", lambda *_: list(results))
        parser = ArgumentParser()
        clean.add_parser(parser.add_subparsers())
        return clean.run(parser.parse_args(["clean", *options])), capsys.readouterr().out

    return run_clean


def test_a_dry_run_lists_what_is_left(run):
    step = CleanupStep(name="changed sysctls", remove=lambda: None)
    assert run("--dry-run", steps=[step]) == (1, "left changed sysctls\n")
    assert run("--dry-run") == (0, "nothing is left\n")


def test_what_could_not_be_removed_is_named_with_the_reason(run):
    results = [CleanupResult(name="a"), CleanupResult(name="b", failure="busy")]
    assert run(results=results) == (1, "removed a\nNOT removed b: busy\n")
    assert run(results=results[:1]) == (0, "removed a\n")
