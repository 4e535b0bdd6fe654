# SPDX-License-Identifier: Apache-2.0
"""The command line: `featherbench COMMAND`, one module of `cli/` for each command."""

import argparse
import importlib
import sys

from featherbench.errors import FeatherbenchError

COMMANDS = ("clean", "compare", "doctor", "schema", "unikernel")


def _run() -> int:
    parser = argparse.ArgumentParser(prog="featherbench")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = importlib.import_module(f"featherbench.cli.{name}")
        command.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=command.run)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


def main() -> int:
    """Run the command and return its exit status."""
    try:
        return _run()
    except FeatherbenchError as error:
        sys.stderr.write(f"featherbench: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("featherbench: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
