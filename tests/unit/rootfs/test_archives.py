# SPDX-License-Identifier: Apache-2.0
"""Layers of the same files have the same bytes, and a file with two names is counted once."""

import gzip
import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from zlib_ng import zlib_ng

from featherbench.contracts.technology import RootArchive
from featherbench.rootfs import archives
from featherbench.rootfs.archives import compressed_bytes, files_layer, folder_bytes, image_record
from featherbench.system.machine import LOCAL

ROOT = RootArchive(tar=Path("unread"), digest="d", versions={}, compressed_bytes=7)
FILES = {"/srv/a/payload": b"x" * 10, "/etc/a.conf": b"conf"}


def recorded_compressed_bytes(layer):
    words = dict.fromkeys(("technology", "digest", "counted", "build_log"), "")
    sizes = {"allocated_bytes": 1, "apparent_bytes": 1}
    request = SimpleNamespace(service="http")
    image = image_record(request, ROOT, reference={}, layer=layer, **words, **sizes)
    return image.size.compressed_bytes


def test_a_layer_contains_the_files_and_their_folders():
    with tarfile.open(fileobj=io.BytesIO(files_layer(FILES))) as tar:
        entries = {entry.name: entry for entry in tar}
        assert tar.extractfile("srv/a/payload").read() == b"x" * 10
    assert list(entries) == ["etc", "srv", "srv/a", "etc/a.conf", "srv/a/payload"]
    assert entries["srv/a"].isdir()
    assert {entry.uid for entry in entries.values()} == {0}
    assert {entry.mode for entry in entries.values() if entry.isfile()} == {0o644}


def test_the_same_files_give_the_same_bytes_in_any_order_and_other_content_gives_others():
    assert files_layer(dict(reversed(FILES.items()))) == files_layer(FILES)
    assert files_layer(FILES | {"/etc/a.conf": b"fnoc"}) != files_layer(FILES)


def test_no_files_give_no_layer():
    assert files_layer({}) == b""
    assert recorded_compressed_bytes(b"") == 7


def test_compressed_bytes_are_about_gzips():
    content = b"".join(
        path.read_bytes() for path in sorted(Path(archives.__file__).parent.glob("*.py"))
    )
    content += os.urandom(3000) + bytes(3_000_000)
    counted = compressed_bytes(io.BytesIO(content))
    assert counted == pytest.approx(len(gzip.compress(content, 6, mtime=0)), rel=0.06)
    at_once = zlib_ng.compress(content, 6, wbits=31)
    assert counted == pytest.approx(len(at_once), abs=16)  # other chunks differ by a byte
    assert gzip.decompress(at_once) == content


def test_an_images_compressed_size_is_that_of_its_root_file_system_and_its_layer():
    assert recorded_compressed_bytes(b"abc") == 7 + compressed_bytes(io.BytesIO(b"abc"))


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


def test_files_are_counted_alike_here_and_on_any_machine(tmp_path):
    folder = tmp_path / "tree"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/data").write_bytes(bytes(10_000))
    (folder / "a/b/same").hardlink_to(folder / "a/data")
    (folder / "a/link").symlink_to("data")
    allocated, apparent = archives.folder_bytes(folder)
    assert apparent == archives.file_bytes(LOCAL, folder) == 10_000
    assert allocated == archives.disk_usage(LOCAL, [folder])
