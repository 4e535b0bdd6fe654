# SPDX-License-Identifier: Apache-2.0
"""`featherbench schema`: the JSON schema of the configuration."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction

from featherbench.config.json_schema import config_schema


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    subparsers.add_parser("schema", help="print the JSON schema of the configuration")


def run(arguments: Namespace) -> int:  # noqa: ARG001 - as every command's
    """Print the schema."""
    sys.stdout.write(config_schema())
    return 0
