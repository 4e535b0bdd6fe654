# SPDX-License-Identifier: Apache-2.0
"""The services' protocols: what is served (`http`, `kv`), `readiness`, verification."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featherbench.errors import CommandError, InstanceDiedError, InstanceError, VerificationError
from featherbench.services import http, kv
from featherbench.services.readiness import wait_until_ready

REDIS = {
    "PING": "PONG\n",
    "SET": "OK\n",
    "DEL": "1\n",
    "INFO server": "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n",
    "INFO stats": "# Stats\r\nkeyspace_hits:9\r\nkeyspace_misses:3\r\n",
    "CONFIG GET save": "save\n\n",
    "CONFIG GET appendonly": "appendonly\nno\n",
}


def redis(**changes):
    """Answer as redis-cli would; GET returns what was SET last."""
    memory = {}

    def answer(argv):
        words = argv[argv.index("-p") + 2 :]
        if words[0] == "SET":
            memory[words[1]] = words[2]
        if words[0] == "GET":
            return changes.get("GET", memory.get(words[1], "") + "\n")
        replies = {**REDIS, **{key.replace("_", " "): value for key, value in changes.items()}}
        return replies.get(" ".join(words), replies.get(words[0], ""))

    return answer


@given(st.integers(1, 5000))
def test_the_file_has_its_size_and_is_always_the_same(size_bytes):
    content = http.payload(size_bytes)
    assert len(content) == size_bytes
    assert content == http.payload(5000)[:size_bytes]
    assert content.decode().isprintable()


def test_nginx_writes_only_to_the_folder_that_it_may_write_to():
    conf = http.files(10)[http.CONFIGURATION].decode()
    paths = re.findall(r"^\s*(?:pid|\w+_temp_path) (\S+);", conf, re.MULTILINE)
    assert len(paths) == 6
    assert all(path.startswith("/run/featherbench/") for path in paths)


def test_the_file_is_verified_by_its_content(bench_for, client):
    client.says = lambda _: http.payload(1150).decode() + "\n200"
    assert "1150 bytes" in http.verify(bench_for("http"), 1150)
    assert "1150 bytes" in http.verify(bench_for("latency"))


@pytest.mark.parametrize(
    "output",
    [
        "",
        "\n000",
        http.payload(1150).decode() + "\n404",
        http.payload(1149).decode() + "\n200",
        "x" * 1150 + "\n200",
    ],
)
def test_another_answer_is_refused(bench_for, client, output):
    client.says = lambda _: output
    with pytest.raises(VerificationError):
        http.verify(bench_for("http"), 1150)


def test_redis_is_verified_by_a_value_that_it_keeps(bench_for, client):
    client.says = redis()
    assert "7.0.15" in kv.verify(bench_for("kv"))


@pytest.mark.parametrize(
    "change",
    [
        {"GET": "old\n"},
        {"SET": "MISCONF no disk\n"},
        {"CONFIG_GET_save": "save\n3600 1\n"},
        {"CONFIG_GET_appendonly": "appendonly\nyes\n"},
        {"INFO_server": "ERR unknown command\n"},
    ],
)
def test_a_redis_that_forgets_or_persists_is_refused(bench_for, client, change):
    client.says = redis(**change)
    with pytest.raises(VerificationError):
        kv.verify(bench_for("kv"))


def test_misses_are_read_from_the_server(bench_for, client):
    client.says = redis()
    assert kv.misses(bench_for("kv")) == {"misses": 3}


def test_the_filled_key_is_the_one_of_redis_benchmark(bench_for, client):
    client.says = redis()
    kv.fill(bench_for("kv"), 5)
    assert client.asked[-1][-3:] == ["SET", "key:__rand_int__", "xxxxx"]


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
