# SPDX-License-Identifier: Apache-2.0
"""An image's folder is only touched by a job that has the testbed."""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest

from featherbench.errors import TestbedBusyError
from featherbench.jobs import build
from featherbench.records.job_specs import ImageSpec, WorkloadSpec

SPEC = ImageSpec(
    technology="fake",
    hypervisor="native",
    service="http",
    files_for=WorkloadSpec(name="http", settings={"file_bytes": 7}),
    build_inputs={"a": 1},
    code="none",
)


@pytest.fixture
def requests(monkeypatch):
    """What the technology was asked to build."""
    asked = []
    technology = SimpleNamespace(root_filesystems=(), build_image=asked.append)
    monkeypatch.setattr(build.registry, "platform", lambda *_: technology)
    return asked


@pytest.fixture
def served(tmp_path):
    """A file of an earlier image."""
    file = tmp_path / "http" / "index.html"
    file.parent.mkdir()
    file.touch()
    return file


def test_what_others_may_be_running_stays_until_this_job_has_the_testbed(
    requests, served, monkeypatch
):
    @contextmanager
    def busy(**_options):
        raise TestbedBusyError("another job has it", remedy="wait")
        yield

    monkeypatch.setattr(build, "exclusive", busy)
    with pytest.raises(TestbedBusyError):
        build.build_image(SPEC, root_filesystems=[], into=served.parent, job="build_image/a/http")
    assert served.exists()
    assert requests == []


def test_the_technology_gets_an_empty_folder_and_the_files_of_the_service(
    requests, served, monkeypatch
):
    monkeypatch.setattr(build, "exclusive", lambda **_options: nullcontext())
    build.build_image(SPEC, root_filesystems=[], into=served.parent, job="build_image/a/http")
    (request,) = requests
    assert list(request.into.iterdir()) == []
    assert request.build_inputs == {"a": 1}
    assert 7 in map(len, request.files.values())
