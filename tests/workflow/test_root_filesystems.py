# SPDX-License-Identifier: Apache-2.0
"""Root file systems are derived from each other; an edit of one rebuilds it and what is derived.

mmdebstrap is replaced by a program whose archive contains the files of the base, and a file that is
named for its command.
"""

import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from featherbench.rootfs import descriptions

pytestmark = pytest.mark.testbed

MMDEBSTRAP = """\
#!{python}
import hashlib, io, re, sys, tarfile
from pathlib import Path

status = "".join(
    f"Package: {{name}}\\nStatus: install ok installed\\nVersion: {{version}}\\n\\n"
    for name, version in {versions}.items()
)
command = " ".join(sys.argv)
hooks = [word for word in sys.argv if word.startswith(("--include", "--customize-hook"))]
options = re.sub(r"/\\S+[.]build/", "", " ".join(hooks))
files = {{"./var/lib/dpkg/status": status.encode()}}
if base := re.search(r"--file (\\S+)", command):
    with tarfile.open(base[1]) as tar:
        files = {{entry.name: tar.extractfile(entry).read() for entry in tar}}
files["./made-" + hashlib.sha256(options.encode()).hexdigest()] = b""
target = next(word for word in sys.argv if word[0] == "/" and word.endswith("/root.tar"))
with tarfile.open(target, "w") as tar:
    for name, content in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
"""
VERSIONS = {"nginx-light": "1.22.1-9", "redis-server": "5:7.0.15-1", "redis-tools": "5:7.0.15-1"}
TARGETS = [f"results/root_filesystems/{name}.digest" for name in ("guest-docker", "guest-lxd")]


@dataclass
class Derived:
    """A project with all root file systems, and the checkout that it uses."""

    project: object
    descriptions: Path

    def pending(self):
        """Return the root file systems that Snakemake would rebuild."""
        self.project.write_config()
        rows = self.project.snakemake(*TARGETS, "--summary", "--quiet", "all").splitlines()
        outputs = [row.split("\t") for row in rows if row.startswith("results/")]
        return {Path(row[0]).stem for row in outputs if row[-1] != "no update"}

    def edit(self, name, **changes):
        """Change one description."""
        entries = yaml.safe_load(self.descriptions.read_text())
        entries[name] |= changes
        self.descriptions.write_text(yaml.safe_dump(entries))


@pytest.fixture(scope="module")
def made(tmp_path_factory, repository, project_with, small):
    """A project with all of them, beside its checkout."""
    top = tmp_path_factory.mktemp("root_filesystems")
    shutil.copytree(repository, top / "checkout")
    program = top / "programs/mmdebstrap"
    program.parent.mkdir()
    program.write_text(MMDEBSTRAP.format(python=sys.executable, versions=VERSIONS))
    program.chmod(0o755)
    project = replace(project_with(small, folder=top / "project"), repository=top / "checkout")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        project.snakemake(*TARGETS)
    return project


@pytest.fixture
def derived(made, tmp_path):
    """A copy, so that each test may change it."""
    folder, checkout = tmp_path / "project", tmp_path / "checkout"
    shutil.copytree(made.folder, folder, symlinks=True)
    shutil.copytree(made.repository, checkout)
    relative = descriptions.DESCRIPTIONS.relative_to(descriptions.DESCRIPTIONS.parents[2])
    return Derived(
        project=replace(made, folder=folder, repository=checkout, state=folder / "state"),
        descriptions=checkout / relative,
    )


def test_each_is_built_once_from_its_base(derived):
    results = derived.project.folder / "results"
    files = [results / "images/root.digest", *results.glob("root_filesystems/*.digest")]
    digests = {file.read_text() for file in files}
    assert len(digests) == len(descriptions.names()) + 1


@pytest.mark.parametrize(
    ("edited", "changes", "rebuilt"),
    [
        ("guest-docker", {"packages": ["docker.io"]}, {"guest-docker"}),
        ("guest", {"masked": ["ssh.service"]}, {"guest", "guest-docker", "guest-lxd"}),
        ("system", {"files": {}}, {"system", "guest", "guest-docker", "guest-lxd"}),
    ],
)
def test_an_edited_description_rebuilds_it_and_what_is_derived(derived, edited, changes, rebuilt):
    derived.edit(edited, **changes)
    assert derived.pending() == rebuilt


def test_an_unused_one_and_a_newer_copy_of_an_archive_rebuild_nothing(derived):
    entries = yaml.safe_load(derived.descriptions.read_text())
    entries["guest-other"] = entries["guest-lxd"]
    derived.descriptions.write_text(yaml.safe_dump(entries))
    (derived.project.folder / "results/images/root.tar").touch()
    assert derived.pending() == set()
