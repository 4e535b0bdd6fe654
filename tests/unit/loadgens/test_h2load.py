# SPDX-License-Identifier: Apache-2.0
"""h2load's summary, captured from nghttp2 1.52.0 against nginx on loopback."""

from pathlib import Path

import pytest

from builders import load
from featherbench.errors import LoadError
from featherbench.loadgens.h2load import LoadGenerator

DATA = Path(__file__).parents[2] / "data" / "loadgens"


def parsed(name, connections):
    return LoadGenerator().parse(
        (DATA / f"{name}.txt").read_text(), "", load(connections=connections, duration_s=2.0)
    )


def test_a_good_run_is_read():
    result = parsed("h2_ok", 10)
    assert result.requests == 219529
    assert result.duration_s == pytest.approx(2.0)
    assert result.requests_per_s == pytest.approx(109764.5)
    assert result.failures == {}
    assert result.transferred_bytes == 305145310
    assert result.latency_us == {"mean": pytest.approx(91), "max": pytest.approx(5400)}


def test_a_fraction_of_a_second_is_read():
    result = parsed("h2_frac", 1)
    assert result.duration_s == pytest.approx(0.5)
    assert result.failures == {}


def test_a_thousand_connections_on_two_threads_are_all_there():
    assert parsed("h2_c1000_t2", 1000).failures == {}


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [("h2_302", "3xx", 51210), ("h2_404", "4xx", 53178), ("h2_503", "5xx", 52124)],
)
def test_a_bad_status_is_a_failure_counted_once(name, kind, count):
    result = parsed(name, 4)
    assert result.requests == 0
    assert result.failures == {kind: count}


def test_refused_connections_are_failures_although_h2load_reports_none():
    result = parsed("h2_refused", 4)
    assert (result.requests, result.failures) == (0, {"connect": 4})


@pytest.mark.parametrize("name", ["h2_killed", "h2_worker"])
def test_connections_lost_on_the_way_are_failures_although_h2load_reports_none(name):
    assert parsed(name, 10).failures.keys() == {"lost connection"}


def test_a_server_that_never_answers_gives_no_request():
    assert parsed("h2_hang", 4).requests == 0


def test_output_without_a_summary_is_a_load_error():
    with pytest.raises(LoadError, match="could not connect"):
        LoadGenerator().parse("", "client could not connect to host", load(duration_s=2.0))


def test_the_command_gives_milliseconds():
    assert "--duration=1500ms" in LoadGenerator().command(load(duration_s=1.5))
