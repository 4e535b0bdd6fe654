# SPDX-License-Identifier: Apache-2.0
"""The key-value service: its verification and its counters."""

import pytest

from builders import captured, redis_answers
from featherbench.errors import VerificationError
from featherbench.services import kv


def test_redis_is_verified_by_a_value_that_it_keeps(bench_for, client):
    client.says = redis_answers()
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
    client.says = redis_answers(**change)
    with pytest.raises(VerificationError):
        kv.verify(bench_for("kv"))


def test_misses_are_read_from_the_server(bench_for, client):
    client.says = redis_answers()
    assert kv.misses(bench_for("kv")) == {"misses": 3}


def test_the_filled_key_is_the_one_of_redis_benchmark(bench_for, client):
    client.says = redis_answers()
    kv.fill(bench_for("kv"), 5)
    assert client.asked[-1][-3:] == ["SET", "key:__rand_int__", "xxxxx"]


@pytest.mark.parametrize(
    ("reply", "remedy"),
    captured("messages/redis"),
)
def test_each_reason_for_a_lost_value_has_its_remedy(bench_for, client, reply, remedy):
    client.says = redis_answers(SET=f"{reply}\n")
    with pytest.raises(VerificationError) as refused:
        kv.verify(bench_for("kv"))
    assert remedy in refused.value.remedy


def test_persistence_has_the_line_that_turns_it_off(bench_for, client):
    client.says = redis_answers(CONFIG_GET_save="save\n3600 1\n")
    with pytest.raises(VerificationError) as refused:
        kv.verify(bench_for("kv"))
    assert refused.value.remedy == 'write `save ""` into the image\'s redis.conf'
