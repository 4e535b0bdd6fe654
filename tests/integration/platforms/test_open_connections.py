# SPDX-License-Identifier: Apache-2.0
"""A real nginx and a real Redis with a small limit of open files, as an image may have it."""

import pytest

from builders import bench_of
from featherbench.errors import VerificationError
from featherbench.records.tuning import Tuning
from featherbench.services import open_connections
from featherbench.services.readiness import wait_until_ready

pytestmark = pytest.mark.testbed
TECHNOLOGY = "linux"
RESERVED_BY_REDIS = 32
"""Files that Redis does not use for clients."""


@pytest.fixture
def served(platform, tmp_path):
    """Start a server with a limit of open files; return the bench with it under test."""

    def start(service, nofile):
        tuning = Tuning(net_sysctls={}, nofile=nofile)
        return bench_of(platform, service, tuning=tuning, logs=tmp_path)

    return start


@pytest.mark.parametrize("service", ["http", "kv"])
def test_all_needed_connections_are_answered_and_the_server_goes_on(served, service):
    bench = served(service, 4096)
    for _ in range(2):
        verified = open_connections.verify(bench, 1000)
        assert verified == "verified from the client: 1008 at once were answered"
    wait_until_ready(bench)


def test_redis_holds_64_of_100(served):
    bench = served("kv", 64 + RESERVED_BY_REDIS)
    with pytest.raises(VerificationError) as low:
        open_connections.verify(bench, 100)
    assert "of 108 at once 108 were opened and 64 answered" in low.value.message
    assert "max number of clients reached" in low.value.message
    wait_until_ready(bench)


def test_nginx_opens_100_and_answers_fewer_than_its_limit(served, monkeypatch):
    monkeypatch.setattr(open_connections, "WITHIN_S", 2.0)
    bench = served("http", 64)
    with pytest.raises(VerificationError) as low:
        open_connections.verify(bench, 100)
    answered = int(low.value.message.partition(" opened and ")[2].split()[0])
    assert 48 < answered < 64
    # It accepts no more connections, or has no file left for the page, whichever comes first.
    failures = (open_connections.connection_opener.NOT_ANSWERED, "500 Internal Server Error")
    assert any(failure in low.value.message for failure in failures)
