# SPDX-License-Identifier: Apache-2.0
"""`python -m featherbench COMMAND`: one module of `commands/` for each."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

from featherbench import commands
from featherbench.errors import FeatherbenchError


def main() -> int:
    """Run the command that was asked for, and give its exit status."""
    parser = argparse.ArgumentParser(prog="featherbench")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for found in pkgutil.iter_modules(commands.__path__):
        command = importlib.import_module(f"featherbench.commands.{found.name}")
        command.add_parser(subparsers)
        subparsers.choices[found.name].set_defaults(run=command.run)
    arguments = parser.parse_args()
    try:
        return int(arguments.run(arguments))
    except FeatherbenchError as error:
        sys.stderr.write(f"featherbench: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
