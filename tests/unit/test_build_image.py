# SPDX-License-Identifier: Apache-2.0
"""An image's folder is only touched by a job that has the testbed."""

from argparse import Namespace
from contextlib import contextmanager

import pytest

import build_image
from featherbench.errors import TestbedBusyError
from featherbench.records.job_specs import ImageSpec, WorkloadSpec
from featherbench.registry import PLUGINS_VARIABLE


@pytest.fixture
def given(tmp_path, monkeypatch, repository):
    monkeypatch.setenv(PLUGINS_VARIABLE, str(repository / "tests" / "plugins"))
    spec = ImageSpec(
        technology="fake",
        hypervisor="native",
        service="http",
        files_for=WorkloadSpec(name="http"),
        code="none",
    )
    return Namespace(
        spec=spec.model_dump_json(),
        root_filesystems=[],
        record=tmp_path / "http.json",
        digest=tmp_path / "http.digest",
        job="build_image/fake/http",
    )


def test_what_others_may_be_running_stays_until_the_testbed_is_ours(given, tmp_path, monkeypatch):
    @contextmanager
    def busy(**_given):
        raise TestbedBusyError("another job has it", remedy="wait")
        yield

    monkeypatch.setattr(build_image, "alone", busy)
    served = tmp_path / "http" / "index.html"
    served.parent.mkdir()
    served.touch()
    with pytest.raises(TestbedBusyError):
        build_image.main(given)
    assert served.exists()
