# SPDX-License-Identifier: Apache-2.0
"""The base of what a driver lets the user set."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class DriverSettings(BaseModel):
    """A driver's own keys of the configuration: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")
