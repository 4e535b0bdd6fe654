# SPDX-License-Identifier: Apache-2.0
"""nginx as the workload measures it."""

from pathlib import Path

import pytest

from featherbench.errors import VerificationError
from featherbench.records.cell import Verdict
from featherbench.services import http
from featherbench.workloads.http import Workload

WRK_OK = (Path(__file__).parents[2] / "data/loadgens/wrk_ok.txt").read_text()


def test_it_takes_as_many_windows_as_requested(bench_for, client):
    client.says = lambda _: WRK_OK
    windows = Workload().measure(bench_for("http"), 10, 3)
    assert [window.index for window in windows] == [1, 2, 3]
    assert {window.verdict for window in windows} == {Verdict.OK}
    assert all("--connections=10" in argv for argv in client.asked)


def test_it_checks_the_configured_size(bench_for, client):
    client.says = lambda _: http.payload(1150).decode() + "\n200"
    workload = Workload()
    assert workload.verify(bench_for("http"))
    with pytest.raises(VerificationError):
        workload.verify(bench_for("http", file_bytes=1151))
