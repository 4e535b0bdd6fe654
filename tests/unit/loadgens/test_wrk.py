# SPDX-License-Identifier: Apache-2.0
"""wrk's report, captured from wrk 4.1.0 against nginx on loopback."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import load
from featherbench.contracts.load_generator import even_threads
from featherbench.errors import LoadError
from featherbench.loadgens.wrk import LoadGenerator

DATA = Path(__file__).parents[2] / "data" / "loadgens"


def parsed(name):
    return LoadGenerator().parse((DATA / f"{name}.txt").read_text(), "", load(duration_s=2.0))


def test_a_good_run_is_read():
    result = parsed("wrk_ok")
    assert result.requests == 228251
    assert result.duration_s == pytest.approx(2.000353)
    assert result.requests_per_s == pytest.approx(114105.36, abs=0.01)  # what wrk itself printed
    assert result.failures == {}
    assert result.transferred_bytes == 317268890
    assert result.latency_us == {"mean": 154.71, "p50": 84, "p90": 103, "p99": 780, "max": 16707}


def test_error_pages_are_no_successful_responses():
    result = parsed("wrk_404")
    assert result.requests == 0
    assert result.failures == {"status": 71283}


def test_a_server_killed_in_between_shows_as_failures():
    assert parsed("wrk_killed").failures == {"read": 12, "write": 170298}


def test_a_worker_killed_and_replaced_shows_as_failures():
    assert parsed("wrk_worker").failures == {"read": 10}


def test_connections_that_could_not_be_made_show_as_failures():
    assert parsed("wrk_nofile").failures == {"connect": 46}


def test_a_server_that_never_answers_gives_no_request():
    result = parsed("wrk_hang")
    assert (result.requests, result.failures) == (0, {})


def test_a_refused_connection_is_a_load_error_with_wrks_message():
    output = (DATA / "wrk_refused.txt").read_text()
    with pytest.raises(LoadError, match="Connection refused"):
        LoadGenerator().parse("", output, load(duration_s=2.0))


def test_the_command_rounds_up_to_whole_seconds():
    assert "--duration=3s" in LoadGenerator().command(load(duration_s=2.1))


def test_the_report_script_is_found_from_anywhere():
    (script,) = (
        w for w in LoadGenerator().command(load(duration_s=2.0)) if w.startswith("--script=")
    )
    assert Path(script.removeprefix("--script=")).is_absolute()
    assert "function done" in Path(script.removeprefix("--script=")).read_text()


def test_no_connection_is_lost_to_uneven_threads():
    command = LoadGenerator().command(load(connections=100, threads=3, duration_s=2.0))
    assert "--threads=2" in command


@given(connections=st.integers(1, 2000), most=st.integers(1, 64))
def test_threads_divide_connections(connections, most):
    threads = even_threads(connections, most)
    assert 1 <= threads <= most
    assert connections % threads == 0
