# SPDX-License-Identifier: Apache-2.0
"""The HTTP service: its files and its verification."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import captured
from featherbench.errors import VerificationError
from featherbench.services import http


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


@pytest.mark.parametrize("output", ["x" * 1150 + "\n200", "\n404"])
def test_a_wrong_file_is_blamed_on_the_image_that_serves_it(bench_for, client, output):
    client.says = lambda _: output
    bench = bench_for("http")
    with pytest.raises(VerificationError) as ours:
        http.verify(bench, 1150)
    assert ours.value.remedy == "rebuild the image: delete its files in results/images"
    bench.technology.user_images = True
    users = replace(
        bench, images={"http": SimpleNamespace(reference={"digests": {"/i/www.bin": "0"}})}
    )
    with pytest.raises(VerificationError) as theirs:
        http.verify(users, 1150)
    assert "1150 bytes into your image (/i/www.bin)" in theirs.value.remedy


@pytest.mark.parametrize(
    ("output", "remedy"),
    captured("messages/http"),
)
def test_each_reason_for_no_payload_has_its_remedy(bench_for, client, output, remedy):
    client.says = lambda _: output
    with pytest.raises(VerificationError) as refused:
        http.verify(bench_for("http"), 4096)
    assert remedy in refused.value.remedy
