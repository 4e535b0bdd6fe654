# SPDX-License-Identifier: Apache-2.0
"""weighttp's summary, in the formats that its sources print (0.4, and since)."""

import pytest

from builders import load
from featherbench.errors import LoadError
from featherbench.loadgens.weighttp import LoadGenerator

TEXT = """\
weighttp - a lightweight and simple webserver benchmarking tool

starting benchmark...
spawning thread #1: 100 concurrent requests, 100000 total requests
progress:  10% done
progress: 100% done

finished in 2 sec, 345 millisec and 678 microsec, 42631 req/s, 60000 kbyte/s
requests: 100000 total, 100000 started, 100000 done, {ok} succeeded, {bad} failed, 0 errored
status codes: {ok} 2xx, 0 3xx, {bad} 4xx, 0 5xx
traffic: 144000000 bytes total, 24000000 bytes http, 120000000 bytes data
"""
JSON = """\
weighttp 0.5 - a lightweight and simple webserver benchmarking tool

starting benchmark...
{
  "reqs_per_sec": 42631,
  "kBps_per_sec": 60000,
  "secs_elapsed": 2.345678,
  "request_counts": {
    "started": 100000,
    "retired": 100000,
    "total":   100000
  },
  "response_counts": {
    "pass": 99990,
    "fail": 10,
    "errs": 0
  },
  "status_codes": {
    "2xx":  99990,
    "3xx":  0,
    "4xx":  0,
    "5xx":  3
  },
  "traffic": {
    "bytes_total":      144000000,
    "bytes_headers":     24000000,
    "bytes_body":       120000000
  }
}
"""
LOAD = load(connections=100, threads=4, requests=100_000, path="/payload")


def parsed(text):
    return LoadGenerator().parse(text, "", LOAD)


def test_a_good_run_is_read():
    result = parsed(TEXT.format(ok=100000, bad=0))
    assert result.requests == 100_000
    assert result.duration_s == pytest.approx(2.345678)
    assert result.failures == {}
    assert result.transferred_bytes == 144000000


def test_failed_requests_are_not_in_the_rate_as_they_are_in_its_own():
    result = parsed(TEXT.format(ok=60000, bad=40000))
    assert result.requests_per_s == pytest.approx(60000 / 2.345678)
    assert result.failures == {"4xx": 40000}


def test_the_newer_format_is_read_too():
    result = parsed(JSON)
    assert result.requests == 99990
    assert result.duration_s == pytest.approx(2.345678)
    assert result.failures == {"5xx": 3, "failed": 7}


def test_output_without_a_summary_is_a_load_error():
    with pytest.raises(LoadError, match="num of requests"):
        LoadGenerator().parse("", "error: num of requests has to be > 0", LOAD)


def test_the_command_keeps_connections_alive():
    command = LoadGenerator().command(LOAD)
    assert command[:2] == ["weighttp", "-k"]
    assert command[-1] == "http://198.18.0.1:18080/payload"
