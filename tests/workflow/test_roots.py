# SPDX-License-Identifier: Apache-2.0
"""Root file systems are made one over the other; an edit of one makes it and those over it anew.

mmdebstrap is replaced by a program that archives nothing but what below it there is, and a file
named for its own command.
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
given = " ".join(sys.argv)
hooks = [word for word in sys.argv if word.startswith(("--include", "--customize-hook"))]
told = re.sub(r"/\\S+[.]build/", "", " ".join(hooks))
files = {{"./var/lib/dpkg/status": status.encode()}}
if below := re.search(r"--file (\\S+)", given):
    with tarfile.open(below[1]) as tar:
        files = {{entry.name: tar.extractfile(entry).read() for entry in tar}}
files["./made-" + hashlib.sha256(told.encode()).hexdigest()] = b""
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
class Layered:
    """A project with all root file systems made, and the checkout of its own that it uses."""

    project: object
    descriptions: Path

    def pending(self):
        """The root file systems that Snakemake would make again."""
        self.project.write_config()
        rows = self.project.snakemake(*TARGETS, "--summary", "--quiet", "all").splitlines()
        outputs = [row.split("\t") for row in rows if row.startswith("results/")]
        return {Path(row[0]).stem for row in outputs if row[-1] != "no update"}

    def edit(self, name, **changes):
        """Change one description."""
        told = yaml.safe_load(self.descriptions.read_text())
        told[name] |= changes
        self.descriptions.write_text(yaml.safe_dump(told))


@pytest.fixture(scope="module")
def made(tmp_path_factory, repository, project_with, small):
    """All of them made, in a project beside a checkout of its own."""
    top = tmp_path_factory.mktemp("roots")
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
def layered(made, tmp_path):
    """A copy, so that each test may change it."""
    folder, checkout = tmp_path / "project", tmp_path / "checkout"
    shutil.copytree(made.folder, folder, symlinks=True)
    shutil.copytree(made.repository, checkout)
    relative = descriptions.DESCRIPTIONS.relative_to(descriptions.DESCRIPTIONS.parents[2])
    return Layered(
        project=replace(made, folder=folder, repository=checkout, state=folder / "state"),
        descriptions=checkout / relative,
    )


def test_each_is_made_once_over_the_one_below_it(layered):
    results = layered.project.folder / "results"
    files = [results / "images/root.digest", *results.glob("root_filesystems/*.digest")]
    digests = {file.read_text() for file in files}
    assert len(digests) == len(descriptions.names()) + 1
    assert layered.pending() == set()


@pytest.mark.parametrize(
    ("edited", "changes", "anew"),
    [
        ("guest-docker", {"packages": ["docker.io"]}, {"guest-docker"}),
        ("guest", {"masked": ["ssh.service"]}, {"guest", "guest-docker", "guest-lxd"}),
        ("system", {"files": {}}, {"system", "guest", "guest-docker", "guest-lxd"}),
    ],
)
def test_an_edited_description_makes_it_and_those_over_it_anew(layered, edited, changes, anew):
    layered.edit(edited, **changes)
    assert layered.pending() == anew


def test_one_that_is_not_used_is_added_for_nothing(layered):
    told = yaml.safe_load(layered.descriptions.read_text())
    layered.descriptions.write_text(yaml.safe_dump(told | {"guest-other": told["guest-lxd"]}))
    assert layered.pending() == set()


def test_a_tar_copied_anew_makes_nothing_anew(layered):
    (layered.project.folder / "results/images/root.tar").touch()
    assert layered.pending() == set()
