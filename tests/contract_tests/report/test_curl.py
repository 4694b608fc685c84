"""A curl line sends what the judge has sent: both are sent to a server that takes them down."""

import json
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from contract_tests.exchanges import Credential, Request
from contract_tests.report.reproduction import curl
from contract_tests.strategies import DELICATE_TEXTS
from contract_tests.targets import HttpTarget
from tests.contract_tests.conftest import KEY
from tests.contract_tests.exchanging import BODY

SECOND_KEY = "sk-of-another-caller"
NOT_JSON = (b"", b"model=a&query=b", b'{"model": ', b"{'model': 'a'}", b'{"top_n": NaN}')
Received = tuple[str, str, str | None, str | None, bytes]
AWKWARD = (
    *DELICATE_TEXTS,
    "it's 'quoted' and \"doubly\"",
    "$SILICONFLOW_API_KEY $(rm -rf .) `id` ${HOME} !!",
    "back\\slash and \\n and \x00 and \x1b[31m",
    "@file & | ; < > * ? ~ #",
)
REQUESTS = {
    **{ascii(text)[:30]: Request({**BODY, "query": text}) for text in AWKWARD},
    **{repr(body): Request(body) for body in NOT_JSON},
    "null": Request(b"null"),
    "an array": Request([]),
    "GET": Request(None, method="GET"),
    "elsewhere": Request(BODY, path="/it's/elsewhere"),
    "no content type": Request(BODY, content_type=None),
    **{credential.name: Request(BODY, credential=credential) for credential in Credential},
}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[Received]]]:
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = (self.headers.get("authorization"), self.headers.get("content-type"))
            received.append((self.command, self.path, *headers, body))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST  # noqa: N815 # http.server calls this name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # as inherited
            """Say nothing: a test has its own output."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}/v1", received
        http_server.shutdown()
        thread.join()


def meant(body: bytes) -> object:
    """What a body says, where it is JSON; it may be written in another way."""
    try:
        return json.loads(body)
    except ValueError:
        return body


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("name", REQUESTS)
def test_a_curl_line_sends_the_same_request(name: str, server: tuple[str, list[Received]]) -> None:
    base_url, received = server
    request = REQUESTS[name]
    received.clear()
    with httpx.Client(trust_env=False) as client:
        HttpTarget(client, base_url, KEY, SECOND_KEY).send(request)
    line = curl(request, base_url)
    done = subprocess.run(
        ["bash", "-c", line],
        env={
            "PATH": os.environ["PATH"],
            "SILICONFLOW_API_KEY": KEY,
            "SILICONFLOW_SECOND_API_KEY": SECOND_KEY,
        },
        capture_output=True,
        check=True,
    )
    by_judge, by_curl = received
    assert by_curl[:4] == by_judge[:4]
    assert meant(by_curl[4]) == meant(by_judge[4])
    assert b"200 OK" in done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize("name", REQUESTS)
def test_a_curl_line_is_one_printable_line_without_the_key(name: str) -> None:
    line = curl(REQUESTS[name], "https://host/v1")
    assert line.isprintable()
    assert KEY not in line
    assert SECOND_KEY not in line


def test_a_curl_line_names_the_variable_of_a_secret_header() -> None:
    request = Request({}, headers=(("x-tenant", "it's mine"), ("x-gateway", "$GATEWAY")))
    words = shlex.split(curl(request, "https://host/v1"))
    assert "x-tenant: it's mine" in words
    assert '-H "x-gateway: $GATEWAY"' in curl(request, "https://host/v1")
