# SPDX-License-Identifier: Apache-2.0
"""`python -m featherbench unikernel check FILE`: boot one image once, and say what was seen."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from featherbench import config, plugins
from featherbench.config import TestbedConfig
from featherbench.errors import ConfigError
from featherbench.testbed.ownership import release_testbed
from featherbench.testbed.session import alone
from featherbench.testbed.state import current_state
from featherbench.unikernel import check
from featherbench.unikernel.settings import App

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from featherbench.platforms.contract import Technology
    from featherbench.unikernel.contract import Runner

GOOD, NOT_GOOD = 0, 1
BUSY_AFTER_S = 10.0


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add this command's parser."""
    parser = subparsers.add_parser("unikernel", help="try an image of a unikernel")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    found = actions.add_parser("check", help="boot one image once, and say what was seen")
    found.add_argument("file", type=Path, help="its description; see docs/unikernels.md")
    found.add_argument("--app", choices=get_args(App), help="what it is; default: the file's name")
    found.add_argument("--host", choices=sorted(plugins.driver_files("hosts")), default="tcg")
    found.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration whose `hosts` say where Xen's dom0 is",
    )
    found.add_argument("--within", type=float, default=60.0, metavar="SECONDS")


def _app(arguments: Namespace) -> App:
    named = arguments.app or arguments.file.stem.partition("-")[0]
    if named not in get_args(App):
        raise ConfigError(
            f"{arguments.file} does not tell by its name which app it is",
            remedy=f"add --app, one of {', '.join(get_args(App))}",
        )
    return cast("App", named)


def _runner(arguments: Namespace) -> Runner:
    """Have the host say what runs unikernels there."""
    given = config.load(arguments.config).hosts if arguments.config else {}
    host = plugins.host(arguments.host)
    settings = host.Settings.model_validate(given.get(arguments.host, {}))
    technology = cast("Technology", check.Checked())
    return cast("check.Checked", host.platform(check.Checked.name, technology, settings)).runner


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(arguments: Namespace) -> int:
    """Check the image. Gives 0 when it can be measured, else 1."""
    app = _app(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with alone(plugins=(), what=f"check of {arguments.file}", wait_s=BUSY_AFTER_S):
                wanted = check.Check(
                    file=arguments.file,
                    app=app,
                    runner=_runner(arguments),
                    folder=Path(folder),
                    guest_subnet=TestbedConfig().guest_subnet,
                    state=current_state().directory,
                    cpus=tuple(sorted(os.sched_getaffinity(0))),
                    within_s=arguments.within,
                )
                return GOOD if check.run(wanted, _say) else NOT_GOOD
        finally:
            release_testbed()
