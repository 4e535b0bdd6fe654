# SPDX-License-Identifier: Apache-2.0
"""The base of what a driver lets the user set."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypeVar


class DriverSettings(BaseModel):
    """A driver's own keys of the configuration: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SettingsT = TypeVar("SettingsT", bound=DriverSettings, default=Any)
"""A driver's class of settings; a contract that names none works with any."""
