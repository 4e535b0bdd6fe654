# SPDX-License-Identifier: Apache-2.0
"""A service is ready when it answers in its own protocol."""

import pytest

from featherbench.errors import CommandError, InstanceDiedError, InstanceError
from featherbench.services.readiness import wait_until_ready


@pytest.mark.parametrize("name", ["http", "kv"])
def test_a_service_is_ready_when_it_answers(bench_for, client, name):
    replies = iter(["", "", {"http": "x\n200", "kv": "PONG\n"}[name]])
    client.says = lambda _: next(replies)
    wait_until_ready(bench_for(name))
    assert len(client.asked) == 3


def test_a_service_that_died_is_not_waited_for(bench_for, technology):
    technology.running = False
    with pytest.raises(InstanceDiedError, match="exited with 137"):
        wait_until_ready(bench_for("http"), within_s=60)


def test_an_answer_of_another_server_on_the_port_does_not_count(bench_for, technology, client):
    technology.running = False
    client.says = lambda _: "x\n200"
    with pytest.raises(InstanceDiedError):
        wait_until_ready(bench_for("http"), within_s=60)


def test_a_request_that_hangs_is_repeated(bench_for, client):
    def hangs_once(argv):
        if len(client.asked) == 1:
            raise CommandError(argv, "did not end within 5 s")
        return "PONG\n"

    client.says = hangs_once
    wait_until_ready(bench_for("kv"))
    assert len(client.asked) == 2


def test_a_service_that_never_answers_is_an_error_with_the_diagnosis(bench_for):
    with pytest.raises(InstanceError, match="exited with 137"):
        wait_until_ready(bench_for("http"), within_s=0.05)
