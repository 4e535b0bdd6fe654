# SPDX-License-Identifier: Apache-2.0
"""Differences between two runs that may cause a change: machine, images, code, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from featherbench.files import canonical_json
from featherbench.records.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from featherbench.comparison.run import Run

NOTHING = "nothing"
NOT_COMPARED = {"recorded_utc", "findings", "fingerprint"}
"""Fields that change with every record; the fingerprint is compared by the samples."""


class Difference(Record):
    """One fact that is not the same in both runs."""

    what: str
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.what}: {self.a} in A, {self.b} in B"


def differences(a: Run, b: Run) -> tuple[Difference, ...]:
    """Return all differences, the machine's first, in the records that both runs have."""
    return (
        *_differences("machine", _fingerprints(a), _fingerprints(b)),
        *_differences("machine", _machine(a), _machine(b)),
        *_differences("image", _of_cells(a, "image_digest"), _of_cells(b, "image_digest")),
        *_differences("measuring code", _code(a), _code(b)),
        *_differences("configuration", _config(a), _config(b)),
    )


def _differences(kind: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Difference]:
    if a and b:
        for key in dict.fromkeys((*a, *b)):
            if a.get(key) != b.get(key):
                yield Difference(what=f"{kind} {key}", a=a.get(key, NOTHING), b=b.get(key, NOTHING))


def _fingerprints(run: Run) -> dict[str, str]:
    return {"fingerprint": ", ".join(sorted(run.samples["machine_fingerprint"].unique()))}


def _machine(run: Run) -> dict[str, str]:
    return dict(_flat(run.machine.model_dump(exclude=NOT_COMPARED))) if run.machine else {}


def _config(run: Run) -> dict[str, str]:
    return dict(_flat(run.plan.config)) if run.plan else {}


def _of_cells(run: Run, field: str) -> dict[str, Any]:
    return {
        f"{cell.coordinates.platform}/{cell.coordinates.workload}": getattr(cell, field)
        for cell in run.cells
    }


def _code(run: Run) -> dict[str, str]:
    return {key: str(spec.get("code")) for key, spec in _of_cells(run, "spec").items()}


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value if isinstance(value, str) else canonical_json(value)
