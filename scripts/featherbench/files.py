# SPDX-License-Identifier: Apache-2.0
"""Files that are written completely or not at all, and digests."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

CHUNK_BYTES = 1 << 20


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to write to, which becomes `path` when the block succeeds.

    The folders above `path` are made. Readers never see a half-written `path`, as long as one
    process writes it at a time. The next process replaces what a killed one leaves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write `content` to `path`, completely or not at all."""
    with open_atomic(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the canonical spelling of a JSON value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest(*parts: bytes) -> str:
    """Return the SHA-256 of `parts`, each preceded by its length so that boundaries count."""
    sha256 = hashlib.sha256()
    for part in parts:
        sha256.update(len(part).to_bytes(8, "big"))
        sha256.update(part)
    return sha256.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """Return a short hash of the names and contents of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest(*(b"%s=%s" % (f.name.encode(), f.read_bytes()) for f in files))[:16]
