# SPDX-License-Identifier: Apache-2.0
"""Layers are the same bytes for the same files, and their sizes are counted once."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from zlib_ng import zlib_ng

from featherbench.rootfs import archives
from featherbench.rootfs.archives import (
    compressed_bytes,
    files_layer,
    folder_bytes,
    image_compressed_bytes,
)

FILES = {"/srv/a/payload": b"x" * 10, "/etc/a.conf": b"conf"}


def test_a_layer_holds_the_files_and_the_folders_above_them():
    with tarfile.open(fileobj=io.BytesIO(files_layer(FILES))) as tar:
        found = {each.name: each for each in tar}
        assert tar.extractfile("srv/a/payload").read() == b"x" * 10
    assert list(found) == ["etc", "srv", "srv/a", "etc/a.conf", "srv/a/payload"]
    assert found["srv/a"].isdir()
    assert {each.uid for each in found.values()} == {0}
    assert {each.mode for each in found.values() if each.isfile()} == {0o644}


def test_the_same_files_give_the_same_bytes_in_any_order():
    assert files_layer(dict(reversed(FILES.items()))) == files_layer(FILES)


def test_no_files_give_no_layer():
    assert files_layer({}) == b""
    assert image_compressed_bytes(Path("unread"), 7, b"") == 7


def test_other_content_gives_other_bytes():
    assert files_layer(FILES | {"/etc/a.conf": b"fnoc"}) != files_layer(FILES)


def test_compressed_bytes_are_about_gzips():
    content = b"".join(
        path.read_bytes() for path in sorted(Path(archives.__file__).parent.glob("*.py"))
    )
    content += os.urandom(3000) + bytes(3_000_000)
    counted = compressed_bytes(io.BytesIO(content))
    assert counted == pytest.approx(len(gzip.compress(content, 6, mtime=0)), rel=0.06)
    whole = zlib_ng.compress(content, 6, wbits=31)
    assert counted == pytest.approx(len(whole), abs=16)  # cut elsewhere, it differs by a byte
    assert gzip.decompress(whole) == content


def test_the_roots_compressed_size_is_counted_only_when_unknown(tmp_path):
    root = tmp_path / "root.tar"
    root.write_bytes(bytes(10_000))
    counted = image_compressed_bytes(root, None, b"")
    assert counted == image_compressed_bytes(root, compressed_bytes(io.BytesIO(bytes(10_000))), b"")
    assert image_compressed_bytes(root, 7, b"abc") == 7 + compressed_bytes(io.BytesIO(b"abc"))


def test_a_file_with_two_names_counts_once(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * 5000)
    allocated, apparent = folder_bytes(tmp_path)
    os.link(tmp_path / "one", tmp_path / "two")
    (tmp_path / "three").symlink_to("one")
    assert folder_bytes(tmp_path) == (allocated, apparent)
    assert apparent == 5000
    assert allocated >= 5000


def test_holes_are_not_allocated(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10 << 20)
    allocated, apparent = folder_bytes(tmp_path)
    assert apparent == 10 << 20
    assert allocated < 1 << 20
