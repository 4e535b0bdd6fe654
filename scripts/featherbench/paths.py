# SPDX-License-Identifier: Apache-2.0
"""Where things are: this package, the scripts, and the files of `resources/`."""

from pathlib import Path

PACKAGE = Path(__file__).parent
SCRIPTS = PACKAGE.parent
RESOURCES = SCRIPTS.parent / "resources"
DEFAULT_CONFIG = SCRIPTS.parent / "config/config.yaml"


def resource(name: str) -> Path:
    """Return the path of a file or folder below `resources/`.

    A module declares with this call, and a literal `name`, what it reads: the content then belongs
    to the module's code digest (see `planning/code_digest.py`).
    """
    return RESOURCES / name
