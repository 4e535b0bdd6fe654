# SPDX-License-Identifier: Apache-2.0
"""The command line (__main__): one module of `cli/` for each command, errors without traceback."""

import pytest

from featherbench import __main__ as command_line
from featherbench.cli import schema
from featherbench.errors import ConfigError
from featherbench.paths import PACKAGE


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["featherbench", *arguments])
    return command_line.main()


def test_every_command_has_a_module():
    assert all((PACKAGE / "cli" / f"{name}.py").is_file() for name in command_line.COMMANDS)


def test_a_command_runs_and_its_status_is_returned(monkeypatch, capsys):
    monkeypatch.setattr(schema, "config_schema", lambda: "{}\n")
    assert run(monkeypatch, "schema") == 0
    assert capsys.readouterr().out == "{}\n"


@pytest.mark.parametrize(
    ("raised", "status", "shown"),
    [
        (ConfigError("it is wrong", remedy="correct it"), 1, "it is wrong\n  remedy: correct it"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_ends_a_command_is_a_message(monkeypatch, capsys, raised, status, shown):
    def fail():
        raise raised

    monkeypatch.setattr(schema, "config_schema", fail)
    assert run(monkeypatch, "schema") == status
    assert capsys.readouterr().err == f"featherbench: {shown}\n"


def test_an_unknown_command_is_named_with_the_known_ones(monkeypatch, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "doctr")
    shown = capsys.readouterr().err
    assert "doctr" in shown
    assert all(name in shown for name in command_line.COMMANDS)
