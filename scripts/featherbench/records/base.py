# SPDX-License-Identifier: Apache-2.0
"""The base of all records: frozen models, with units in their names.

Times ending in `_s` are seconds; `*_monotonic_s` are readings of CLOCK_MONOTONIC of this machine;
`*_utc` are ISO 8601, for people only.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from featherbench.errors import RecordError, damaged
from featherbench.files import write_atomic

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Record(BaseModel):
    """A frozen model that can be written to a file and read back."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record from a JSON file. Raise RecordError if there is none in it."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"])) or "the file"
            raise damaged(path, f"{key}: {first['msg']}") from error

    @classmethod
    def read_valid(cls, path: Path) -> Self | None:
        """Read one from a JSON file; None if there is no file, or no record in it."""
        try:
            return cls.read(path)
        except (FileNotFoundError, RecordError):
            return None

    def write(self, path: Path) -> None:
        """Write the record to a JSON file, whole or not at all."""
        write_atomic(path, self.model_dump_json(indent=2) + "\n")
