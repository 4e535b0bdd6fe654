# SPDX-License-Identifier: Apache-2.0
"""nginx as the workload measures it."""

import pytest

from builders import DATA, WRK_OK, offered
from featherbench.errors import VerificationError
from featherbench.records.cell import Verdict
from featherbench.records.load_point import LoadPoint, OfferedLoad
from featherbench.services import http
from featherbench.workloads.http import Workload

PAYLOAD = http.payload(1150)


def server(argv, payload=PAYLOAD):
    return WRK_OK.read_text() if argv[0] == "wrk" else payload.decode() + "\n200"


def test_it_takes_as_many_windows_as_requested(bench_for, client):
    client.says = server
    windows = Workload().measure(bench_for("http", window_s=2.0), offered(10), 3)
    assert [window.index for window in windows] == [1, 2, 3]
    assert {window.verdict for window in windows} == {Verdict.OK}
    loads = [argv for argv in client.asked if argv[0] == "wrk"]
    assert len(loads) == 3
    assert all("--connections=10" in argv for argv in loads)


def test_a_payload_that_changed_in_a_window_invalidates_it(bench_for, client):
    payloads = iter([PAYLOAD, PAYLOAD, b"another"])
    client.says = lambda argv: server(argv, PAYLOAD if argv[0] == "wrk" else next(payloads))
    windows = Workload().measure(bench_for("http", window_s=2.0), offered(10), 2)
    assert [window.verdict for window in windows] == [Verdict.OK, Verdict.INVALID]
    assert windows[1].reasons[0].startswith("wrong content: GET /payload gave 7 bytes")


def test_it_checks_the_configured_size(bench_for, client):
    client.says = lambda _: http.payload(1150).decode() + "\n200"
    workload = Workload()
    assert workload.verify(bench_for("http"))
    with pytest.raises(VerificationError):
        workload.verify(bench_for("http", file_bytes=1151))


def test_at_a_rate_its_figure_is_the_latency(bench_for, client):
    said = (DATA / "loadgens/fb_short_of_rate.txt").read_text()
    client.says = lambda argv: said if "window" in argv[-1] else server(argv)
    bench = bench_for("http", load_generators={"http": "featherbench"}, window_s=0.3)
    load = OfferedLoad(load_point=LoadPoint("r200"), connections=4)
    (window,) = Workload().measure(bench, load, 1)
    asked = [argv[-1] for argv in client.asked if argv[-1].startswith("window")]
    assert asked[-1] == "window seconds=0.3 only=GET rate=200 arrivals=poisson"
    assert (window.metric, window.value) == ("http_open_latency_p99", pytest.approx(220438.032))
    figures = {measure.metric: measure.value for measure in window.secondary}
    assert figures["http_open_offered"] == pytest.approx(66 / 0.3)
    assert figures["http_open_throughput"] == pytest.approx(20 / 0.3)
    assert not any(name.startswith("http_latency") for name in figures)
    assert window.verdict is Verdict.SUSPECT
    assert "short of the rate: 67 of 220 requests/s" in window.reasons
