# SPDX-License-Identifier: Apache-2.0
"""The parsers of responses, fed what servers would never send: mutations of a corpus, split anyhow.

For a longer search: clang -g -fsanitize=fuzzer,address,undefined -DLIBFUZZER -Iresources/loadgen
tests/integration/loadgen/fuzz_replies.c resources/loadgen/replies.c; tests/data/loadgens/replies is
the corpus.
"""

import subprocess
from pathlib import Path

import pytest

from integration.loadgen.conftest import SANITIZED, compiled

SECONDS = 1.5
FEWEST = 5_000
"""Inputs in that time (of the processor), on a slow machine."""


@pytest.fixture(scope="session")
def harness(sources, tmp_path_factory):
    return compiled(
        tmp_path_factory.mktemp("fuzz") / "fuzz_replies",
        Path(__file__).with_name("fuzz_replies.c"),
        sources / "replies.c",
        options=(*SANITIZED, f"-I{sources}"),
    )


@pytest.fixture(scope="session")
def corpus(repository):
    return sorted((repository / "tests/data/loadgens/replies").iterdir())


def test_mutations_do_no_harm_and_splits_no_difference(harness, corpus):
    done = subprocess.run(
        [harness, str(SECONDS), "2017", *corpus],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert int(done.stdout) > FEWEST


WORD = """
#include "replies.h"
#include <stdio.h>
int main(int count, char **words)
{
    static char bytes[1 << 17];
    struct parser parser;
    size_t size = fread(bytes, 1, sizeof bytes, stdin), used;
    parser_begin(&parser, words[1][0] == 'r' ? RESP : HTTP, false, true);
    enum parsed parsed = parser_feed(&parser, bytes, size, &used);
    (void)count;
    printf("%s %d %llu %zu", parsed == PARSED_DONE ? "done" : parsed == PARSED_BAD ? "bad" : "more",
           parser.reply.status, (unsigned long long)parser.reply.length, size - used);
    return 0;
}
"""


@pytest.fixture(scope="session")
def parse(sources, tmp_path_factory):
    """Give a function that parses one response, and tells the outcome and what is left."""
    folder = tmp_path_factory.mktemp("parse")
    (folder / "word.c").write_text(WORD)
    options = (*SANITIZED, f"-I{sources}")
    program = compiled(folder / "word", folder / "word.c", sources / "replies.c", options=options)

    def outcome(protocol, text):
        done = subprocess.run(
            [program, protocol], input=text.encode(), capture_output=True, timeout=10, check=True
        )
        return done.stdout.decode()

    return outcome


HEAD = "HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "Content-Length: 2\r\n\r\nokHT", "done 200 2 2"),
        (HEAD + "content-length:2\r\nX-Long: " + 300 * "x" + "\r\n\r\nok", "done 200 2 0"),
        (HEAD + "Transfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "done 200 2 0"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "done 404 0 0"),
        (HEAD + "Content-Length: 3\r\n\r\nok", "more 200 2 0"),
        (HEAD + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", "bad"),
        (HEAD + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "bad"),
        (HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n", "bad"),
        (HEAD + "Content-Length: +2\r\n\r\nok", "bad"),
        (HEAD + "Content-Length: 99999999999999999999\r\n\r\nok", "bad"),
        (HEAD + "Content-Length : 2\r\n\r\nok", "bad"),
        (HEAD + " folded\r\n\r\n", "bad"),
        (HEAD + "no colon\r\n\r\n", "bad"),
        (HEAD + "Content-Length: 2\0\r\n\r\nok", "bad"),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bad"),
        ("HTTP/2.0 200 OK\r\n\r\n", "bad"),
        ("HTTP/1.1 20\r\n\r\n", "bad"),
        ("HTTP/1.1 099 X\r\n\r\n", "bad"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "bad"),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "bad"),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n", "bad"),
        (HEAD + "X: " + 70_000 * "x", "bad"),
    ],
)
def test_http(parse, text, expected):
    assert parse("http", text).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+OK\r\n+", "done 0 0 1"),
        ("$3\r\nabc\r\n", "done 0 3 0"),
        ("*2\r\n$1\r\na\r\n*1\r\n$2\r\nbc\r\n", "done 0 3 0"),
        ("*0\r\n", "done 0 0 0"),
        ("*-1\r\n", "done 0 0 0"),
        ("$3\r\nab", "more 0 2 0"),
        ("$3\r\nabcd\r\n", "bad"),
        ("$-2\r\n", "bad"),
        ("$3x\r\n", "bad"),
        (":1x\r\n", "bad"),
        (":\r\n", "bad"),
        ("\r\n", "bad"),
        ("OK\r\n", "bad"),
        ("$999999999999\r\n", "bad"),
        (9 * "*1\r\n" + ":1\r\n+", "done 0 0 1"),
        ("*1048576\r\n", "bad"),
    ],
)
def test_resp(parse, text, expected):
    assert parse("resp", text).startswith(expected)
