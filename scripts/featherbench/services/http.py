# SPDX-License-Identifier: Apache-2.0
"""The HTTP service under test: what it serves, and whether it does."""

from __future__ import annotations

import base64
import hashlib
import itertools
from typing import TYPE_CHECKING

from featherbench.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from featherbench.contracts.bench import Bench
    from featherbench.system.subprocesses import Completed

CONFIGURATION = "/etc/featherbench/http/nginx.conf"
ROOT = "/srv/featherbench/http"
PATH = "/payload"
OK = "200"
CONNECT_WITHIN_S = 1
"""Short, since a guest that is still starting drops packets in silence."""
REQUEST_WITHIN_S = 5

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

    # A connection that nginx closes after so many requests, or so long, would be made again in
    # silence, and a window would measure that as well.
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
    """Give the file that is served: text that does not compress well, the same for a size."""
    blocks = (hashlib.sha256(b"featherbench %d" % n).digest() for n in itertools.count())
    needed = size_bytes // hashlib.sha256().digest_size + 1
    return base64.b64encode(b"".join(itertools.islice(blocks, needed)))[:size_bytes]


def files(size_bytes: int) -> Mapping[str, bytes]:
    """Give what the image contains beside the packages."""
    return {CONFIGURATION: NGINX_CONF.encode(), ROOT + PATH: payload(size_bytes)}


def _get(bench: Bench) -> Completed:
    """Fetch the file once; the last line of the output is the status."""
    endpoint = bench.under_test.endpoint
    return bench.client.run(
        [
            "curl",
            "--silent",
            "--show-error",
            *("--noproxy", "*"),
            *("--connect-timeout", str(CONNECT_WITHIN_S)),
            *("--max-time", str(REQUEST_WITHIN_S)),
            *("--write-out", r"\n%{http_code}"),
            f"http://{endpoint.address}:{endpoint.port}{PATH}",
        ],
        timeout_s=2 * REQUEST_WITHIN_S,
        check=False,
    )


def answers(bench: Bench) -> bool:
    """Whether it serves the file now: a port that accepts connections is not a service."""
    return _get(bench).stdout.rpartition("\n")[2] == OK


def verify(bench: Bench, size_bytes: int | None = None) -> str:
    """Check that exactly the file is served, of `size_bytes` if given; say what was checked.

    Raises VerificationError.
    """
    fetched = _get(bench)
    body, _, status = fetched.stdout.rpartition("\n")
    if status != OK:
        raise VerificationError(f"GET {PATH} gave status {status or '?'}, not {OK}: {fetched.tail}")
    if body.encode() != payload(len(body) if size_bytes is None else size_bytes):
        raise VerificationError(
            f"GET {PATH} gave {len(body)} bytes that are not the file's",
            remedy="build the image again: results/images holds it",
        )
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f"GET {PATH}: status {OK}, {len(body)} bytes, SHA-256 {digest}"
