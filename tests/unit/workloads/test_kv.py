# SPDX-License-Identifier: Apache-2.0
"""Redis as the workload measures it."""

import pytest
from pydantic import ValidationError

from builders import DATA, offered, redis_answers
from featherbench.records.cell import Verdict
from featherbench.records.load_point import LoadPoint, OfferedLoad
from featherbench.workloads.kv import Settings, Workload

HEADER = (DATA / "loadgens/rb_get.txt").read_text().splitlines()[0]


def kv_client(argv, server=redis_answers()):  # noqa: B008 - what the server keeps
    if argv[0] == "redis-cli":
        return server(argv)
    operation = argv[argv.index("-t") + 1].upper()
    return f'{HEADER}\n"{operation}","1000000.00"' + ',"0.1"' * 6 + "\n"


def test_it_measures_the_operations_in_turns(bench_for, client):
    client.says = kv_client
    windows = Workload().measure(bench_for("kv", window_s=2.0), offered(100), 2)
    taken = sorted(windows, key=lambda window: window.started_monotonic_s)
    assert [window.metric for window in taken] == ["kv_get_throughput", "kv_set_throughput"] * 2
    assert [window.index for window in windows] == [1, 2, 1, 2]
    assert {window.verdict for window in windows} == {Verdict.OK}


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"operations": ("GET", "GET")}, "named twice"),
        ({"operations": ()}, "at least 1"),
        ({"window_s": 0.009}, "greater than or equal to 0.01"),
    ],
)
def test_settings_without_valid_windows_are_refused(mistake, message):
    with pytest.raises(ValidationError, match=message):
        Settings(**mistake)


def test_it_writes_the_key_before_reading_it(bench_for, client):
    client.says = kv_client
    Workload().measure(bench_for("kv", value_bytes=9), offered(100), 1)
    before = client.asked[: [argv[0] for argv in client.asked].index("redis-benchmark")]
    assert before[-1][-3:] == ["SET", "key:__rand_int__", "x" * 9]


def test_a_server_that_forgets_in_a_window_invalidates_it(bench_for, client):
    def forgetful(argv):
        loaded = any(asked[0] == "redis-benchmark" for asked in client.asked)
        return "\n" if loaded and argv[-2] == "GET" else kv_client(argv)

    client.says = forgetful
    (window,) = Workload().measure(
        bench_for("kv", operations=("SET",), window_s=2.0), offered(100), 1
    )
    assert window.verdict is Verdict.INVALID
    assert window.reasons[0].startswith("wrong content: SET gave 'OK', then GET ''")


def test_it_warms_up_with_every_operation(bench_for, client):
    client.says = kv_client
    assert Workload().warm_up(bench_for("kv")).keys() == {"GET", "SET"}


def test_at_a_share_of_the_baselines_rate_each_operation_has_its_own(bench_for, client):
    said = (DATA / "loadgens/fb_open.txt").read_text()
    client.says = lambda argv: said if "window" in argv[-1] else kv_client(argv)
    bench = bench_for("kv", load_generators={"kv": "featherbench"}, window_s=1)
    reached = {"kv_get_throughput": 8000.0, "kv_set_throughput": 6000.0}
    load = OfferedLoad(load_point=LoadPoint("r50pc"), connections=4, reached=reached)
    windows = Workload().measure(bench, load, 1)
    asked = [argv[-1].split()[-2] for argv in client.asked if argv[-1].startswith("window")]
    assert asked[-2:] == ["rate=4000", "rate=3000"]
    assert [window.metric for window in windows] == [
        "kv_get_open_latency_p99",
        "kv_set_open_latency_p99",
    ]
