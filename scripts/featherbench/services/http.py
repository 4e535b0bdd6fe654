# SPDX-License-Identifier: Apache-2.0
"""The HTTP service under test, nginx: its files, its readiness, its verification."""

import base64
import hashlib
import itertools
from collections.abc import Mapping

from featherbench.contracts.bench import Bench
from featherbench.errors import ErrorHint, VerificationError, find_hint
from featherbench.system.subprocesses import Completed

CONFIGURATION = "/etc/featherbench/http/nginx.conf"
MOST_BYTES = 100 << 20
"""Of the payload."""
ROOT = "/srv/featherbench/http"
PATH = "/payload"
EXCHANGE = (f"GET {PATH} HTTP/1.1\r\nHost: featherbench\r\n\r\n", "HTTP/1.1 200")
"""A request, and how the answer begins."""
OK, NOT_FOUND = "200", "404"
CONNECT_WITHIN_S = 1
"""Short, because a guest that is still starting drops packets without an answer."""
STALLED_AFTER_S = 5
SLOWEST_BYTES_PER_S = 1_000_000
"""Of a server on an emulated processor."""

NGINX_CONF = f"""\
daemon off;
worker_processes 1;
error_log stderr;
pid /run/featherbench/nginx.pid;

events {{
    worker_connections 4096;
}}

http {{
    access_log off;
    sendfile on;
    default_type application/octet-stream;

    # nginx would close a connection after some requests or some time; the load generator would
    # open it again, and a window would measure that as well.
    keepalive_requests 4000000000;
    keepalive_timeout 1d;

    client_body_temp_path /run/featherbench/nginx_body;
    proxy_temp_path /run/featherbench/nginx_proxy;
    fastcgi_temp_path /run/featherbench/nginx_fastcgi;
    uwsgi_temp_path /run/featherbench/nginx_uwsgi;
    scgi_temp_path /run/featherbench/nginx_scgi;

    server {{
        include /run/featherbench/listen.conf;
        root {ROOT};
    }}
}}
"""


def payload(size_bytes: int) -> bytes:
    """Return the file that is served: text that compresses badly, always the same for a size."""
    blocks = (hashlib.sha256(b"featherbench %d" % n).digest() for n in itertools.count())
    needed = size_bytes // hashlib.sha256().digest_size + 1
    return base64.b64encode(b"".join(itertools.islice(blocks, needed)))[:size_bytes]


def files(size_bytes: int) -> Mapping[str, bytes]:
    """Return the files that the image contains besides the packages."""
    return {CONFIGURATION: NGINX_CONF.encode(), ROOT + PATH: payload(size_bytes)}


def _get(bench: Bench) -> Completed:
    """Fetch the file once; the last line of the output is the HTTP status."""
    endpoint = bench.under_test.endpoint
    return bench.client.run(
        [
            "curl",
            "--disable",  # no .curlrc; only as the first option
            "--silent",
            "--show-error",
            *("--noproxy", "*"),
            *("--connect-timeout", str(CONNECT_WITHIN_S)),
            *("--speed-time", str(STALLED_AFTER_S), "--speed-limit", "1"),
            *("--write-out", r"\n%{http_code}"),
            f"http://{endpoint.address}:{endpoint.port}{PATH}",
        ],
        timeout_s=2 * STALLED_AFTER_S + MOST_BYTES / SLOWEST_BYTES_PER_S,
        check=False,
    )


def answers(bench: Bench) -> bool:
    """Return whether it serves the file now; a port that accepts connections is not enough."""
    return _get(bench).stdout.rpartition("\n")[2] == OK


NO_CONNECTION = (
    ErrorHint(r"connection refused", "see the server's log: nothing listens at that port"),
    ErrorHint(
        r"no route to host|network is unreachable",
        "see `ip route get` for that address: no route of this machine leads to the server",
    ),
    ErrorHint(
        r"\((52|56)\)|reset by peer|closed the connection", "see the server's log: it closes"
    ),
    ErrorHint(
        r"\(28\)|timed? ?out",
        "see whether a firewall drops packets (`nft list ruleset`), and whether the server hangs",
    ),
)
"""What the message of a client without a connection means."""
HINTS = (
    ErrorHint(r"^403", "make the payload readable to the server's user"),
    ErrorHint(r"^5\d\d", "see the server's own log: it fails to serve the payload"),
    ErrorHint(r"^[123]\d\d", "have the server answer with the payload itself, and status 200"),
    *NO_CONNECTION,
)
"""What the status and curl's message mean, where there is no payload."""


def _remedy(bench: Bench, size_bytes: int | None) -> str:
    if not bench.technology.user_images:
        return "rebuild the image: delete its files in results/images"
    return (
        f"put the payload of {size_bytes or 'any number of'} bytes into your image"
        f" ({', '.join(bench.images['http'].reference['digests'])}): see docs/unikernels.md"
    )


def verify(bench: Bench, size_bytes: int | None = None) -> str:
    """Check that exactly the file is served; return what was checked. Raise VerificationError."""
    fetched = _get(bench)
    body, _, status = fetched.stdout.rpartition("\n")
    if status != OK:
        hint = find_hint(HINTS, f"{status} {fetched.tail}")
        raise VerificationError(
            f"GET {PATH} gave status {status or '?'}, not {OK}: {fetched.tail}",
            remedy=_remedy(bench, size_bytes)
            if status == NOT_FOUND
            else hint.remedy
            if hint
            else "",
        )
    if body.encode() != payload(len(body) if size_bytes is None else size_bytes):
        raise VerificationError(
            f"GET {PATH} gave {len(body)} bytes, which are not the file's content",
            remedy=_remedy(bench, size_bytes),
        )
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f"GET {PATH}: status {OK}, {len(body)} bytes, SHA-256 {digest}"
