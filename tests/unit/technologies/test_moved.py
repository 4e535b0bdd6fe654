# SPDX-License-Identifier: Apache-2.0
"""A results folder that was moved or copied works: records hold paths as seen from its parent."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from featherbench.contracts.technology import BASE, BuildRequest, RootArchive
from featherbench.errors import ImageError
from featherbench.technologies import linux
from featherbench.unikernels import image as unikernel_image
from featherbench.vm import disk_image

INTO = Path("results/images/linux/http")


def unpack(_tar, _layer, tree, *_options):
    for name in ("dev/null", "usr/file", "boot/vmlinuz-1"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()


def tree(root):
    request = BuildRequest(
        service="http", into=INTO, root_filesystems={BASE: root}, files={}, state=Path("/run/s")
    )
    reference = {"tree": str(linux._make_tree(request, b""))}
    return lambda: linux._tree_of(SimpleNamespace(reference=reference)) / "usr/file"


def disk(root):
    files, _ = disk_image.build(root, {}, INTO)
    reference = {"folder": str(files.folder)}
    return lambda: disk_image.boot_files(reference).disk


def made_kernel(_root):
    make = SimpleNamespace(command=["touch", "${into}/kernel"], version=["true"], within_s=9)
    kernel, _ = unikernel_image._make_kernel(make, INTO)
    digests = {str(kernel): unikernel_image.file_digest(kernel)}
    reference = {"marks": unikernel_image.marks_of([kernel]), "digests": digests}

    def find():
        unikernel_image.require_unchanged(reference)
        (file,) = unikernel_image.boot_files(reference)
        return file

    return find


@pytest.mark.parametrize("build", [tree, disk, made_kernel])
def test_an_image_is_found_where_the_results_are_now(tmp_path, monkeypatch, build):
    for module in (linux, disk_image):
        monkeypatch.setattr(module, "unpack", unpack)
    monkeypatch.setattr(disk_image, "_take_kernel", lambda *_: Path())
    monkeypatch.setattr(disk_image, "_make_disk", lambda _tree, disk: disk.touch())
    monkeypatch.setattr(disk_image.initrd, "build", lambda *_: b"")
    old, new = tmp_path / "old", tmp_path / "new"
    (old / INTO).mkdir(parents=True)
    monkeypatch.chdir(old)
    root = RootArchive(tar=Path("root.tar"), digest="d", versions={}, compressed_bytes=0)
    find = build(root)
    assert find().is_relative_to(old)
    old.rename(new)
    monkeypatch.chdir(new)
    assert find().is_relative_to(new)
    assert find().exists()
    (new / "results").rename(new / "elsewhere")
    with pytest.raises(ImageError, match="is gone"):
        find()
