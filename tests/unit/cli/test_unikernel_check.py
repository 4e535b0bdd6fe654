# SPDX-License-Identifier: Apache-2.0
"""What `unikernel check` tries out from the client; the machine's tests boot real guests."""

from types import SimpleNamespace

import pytest

from featherbench.cli import unikernel_check
from featherbench.services import http

PAYLOAD = http.payload(1150).decode() + "\n200"
COUNT = '{"asked": %d, "opened": %d, "answered": %d, "trouble": {}}'


@pytest.fixture
def tried(bench_for, client):
    """Try out a server with these answers; return whether it is good, and what was written."""

    def tried_out(served, answered, connections=100):
        def says(argv):
            return served if argv[0] == "curl" else COUNT % (108, 108, answered)

        client.says, lines = says, []
        bench = bench_for("http")
        bench.technology.apply_runtime_settings = lambda _: {"limit": "5, though 9 was asked for"}
        bench.technology.user_images = True
        bench.images["http"] = SimpleNamespace(reference={"digests": {"/i/www.bin": "0"}})
        check = SimpleNamespace(service="http", connections=connections)
        return unikernel_check._is_verified(check, bench, lines.append), "\n".join(lines)

    return tried_out


def test_the_client_compares_the_file_and_opens_the_connections(tried, client):
    good, said = tried(PAYLOAD, 108)
    assert good
    assert "GET /payload: status 200, 1150 bytes, SHA-256" in said
    assert "limit: 5, though 9 was asked for" in said
    assert "open connections: verified from the client: 108 at once were answered" in said
    assert client.asked[-1][-4] == "108"


@pytest.mark.parametrize(
    ("served", "answered", "words"),
    [
        ("x" * 1150 + "\n200", 108, "put the payload of 1150 bytes into your image (/i/www.bin)"),
        (PAYLOAD, 99, "holds fewer than 100 connections: of 108 at once 108 were opened and 99"),
    ],
    ids=["another file", "too few connections"],
)
def test_a_server_that_answers_otherwise_is_not_good(tried, served, answered, words):
    good, said = tried(served, answered)
    assert not good
    assert words in said
    assert "without answering" not in said
