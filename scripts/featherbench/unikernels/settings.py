# SPDX-License-Identifier: Apache-2.0
"""What a user may set of a unikernel's platform."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from featherbench.contracts.image_description import Description
from featherbench.contracts.settings import DriverSettings

Service = Literal["http", "kv", "startup"]
DESCRIPTION = "description"
"""The key for the path of a user's own description."""


class UnikernelSettings(DriverSettings):
    """The images, and the virtual machine that they run in."""

    images: dict[Service, dict[str, Any]] = Field(default_factory=dict)
    """By service: `description`, the path of your own description, or any of its keys, such as
    `kernel`, to replace those of the shipped description; see docs/unikernels.md."""
    memory_mib: Annotated[int, Field(ge=1)] | None = None
    """The guest's memory; null: as in the description."""

    @field_validator("images")
    @classmethod
    def _are_keys_of_descriptions(
        cls, images: dict[Service, dict[str, Any]]
    ) -> dict[Service, dict[str, Any]]:
        known = {DESCRIPTION, *Description.model_fields}
        for service, keys in images.items():
            if unknown := sorted(keys.keys() - known):
                listed = ", ".join(sorted(known))
                raise ValueError(f"{service}: there is no key {unknown[0]!r}; known: {listed}")
        return images
