# SPDX-License-Identifier: Apache-2.0
"""What a user may set of a unikernel's platform."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from featherbench.contracts.settings import DriverSettings
from featherbench.unikernels.image_description import Description

Service = Literal["http", "kv", "startup"]
DESCRIPTION = "description"
"""The key for the path of a description of the user's own."""


class UnikernelSettings(DriverSettings):
    """The images, and the guest that they run in."""

    images: dict[Service, dict[str, Any]] = Field(default_factory=dict)
    """By app: `description`, the path of one of your own, or any of its keys in place of those of
    the one that comes with featherbench, such as `kernel`; see docs/unikernels.md."""
    memory_mib: Annotated[int, Field(ge=1)] | None = None
    """The guest's memory; null: as the description has it."""

    @field_validator("images")
    @classmethod
    def _are_keys_of_descriptions(
        cls, images: dict[Service, dict[str, Any]]
    ) -> dict[Service, dict[str, Any]]:
        known = {DESCRIPTION, *Description.model_fields}
        for service, given in images.items():
            if unknown := sorted(given.keys() - known):
                listed = ", ".join(sorted(known))
                raise ValueError(f"{service}: there is no key {unknown[0]!r}; known: {listed}")
        return images
