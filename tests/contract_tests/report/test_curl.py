"""A curl line sends what the judge has sent: both are sent to a server that takes them down."""

import json
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from contract_tests.exchanges import Credential, Request
from contract_tests.report.reproduction import curl
from contract_tests.strategies import DELICATE_TEXTS
from contract_tests.targets import HttpTarget
from tests.contract_tests.conftest import KEY
from tests.contract_tests.exchanging import BODY
from tests.contract_tests.judged import Judged
from tests.contract_tests.secured import certify, needs_openssl, serving

from . import samples

SECOND_KEY = "sk-of-another-caller"
NOT_JSON = (b"", b"model=a&query=b", b'{"model": ', b"{'model': 'a'}", b'{"top_n": NaN}')
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
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


@needs_curl
@pytest.mark.parametrize("name", REQUESTS)
def test_a_curl_line_sends_the_same_request(name: str, server: tuple[str, list[Received]]) -> None:
    base_url, received = server
    request = REQUESTS[name]
    received.clear()
    with httpx.Client(trust_env=False) as client:
        HttpTarget(client, base_url, KEY, SECOND_KEY).send(request)
    line = curl(samples.report(target=base_url), request)
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
    line = curl(samples.CONFORMING, REQUESTS[name])
    assert line.isprintable()
    assert KEY not in line
    assert SECOND_KEY not in line


def test_a_curl_line_names_the_variable_of_a_secret_header() -> None:
    request = Request({}, headers=(("x-tenant", "it's mine"), ("x-gateway", "$GATEWAY")))
    words = shlex.split(curl(samples.CONFORMING, request))
    assert "x-tenant: it's mine" in words
    assert '-H "x-gateway: $GATEWAY"' in curl(samples.CONFORMING, request)


def pasted(judged: Judged, folder: Path, **environment: str) -> str:
    """Run the curl line of a failure as it stands in the report; return what was answered."""
    (violation, *_) = judged.row("response.body.json")["violations"]
    done = subprocess.run(
        ["bash", "-c", violation["curl"]],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    head, _, body = done.stdout.replace("\r", "").partition("\n\n")
    assert "200 OK" in head
    assert KEY not in violation["curl"]
    return body


@pytest.mark.slow
@needs_curl
@needs_openssl
def test_a_curl_line_of_a_run_can_be_pasted(
    judged: Callable[..., Judged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY", "sk-of-the-gateway")
    monkeypatch.setenv("MY_KEY", KEY)
    with serving(certify(tmp_path)) as address:
        run = judged(
            f"--target={address}/v1",
            f"--ca-file={tmp_path / 'ca.pem'}",
            "--api-key-env=MY_KEY",
            "--request-timeout=20",
            "--header=x-tenant: it's mine",
            "--header-env=x-gateway=GATEWAY",
            "--only=endpoint.rerank",
        )
        said = pasted(run, tmp_path, MY_KEY=KEY, GATEWAY="sk-of-the-gateway")
    assert said == f"/v1/rerank Bearer {KEY} it's mine sk-of-the-gateway None"
    line = run.row("response.body.json")["violations"][0]["curl"]
    assert "--max-time 20 " in line
    assert "sk-of-the-gateway" not in line


@pytest.mark.slow
@needs_curl
def test_a_curl_line_takes_the_proxy_of_the_run(
    judged: Callable[..., Judged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as proxy:
        with_password = proxy.replace("//", "//me:secret@")
        monkeypatch.setenv("http_proxy", with_password)
        arguments = ("--target=http://target.invalid/v1", "--only=endpoint.rerank")
        run = judged(*arguments)
        said = pasted(run, tmp_path, http_proxy=with_password, SILICONFLOW_API_KEY=KEY)
        assert said.endswith(" Basic bWU6c2VjcmV0")
        named = judged(*arguments, f"--proxy={proxy}")
        assert pasted(named, tmp_path, SILICONFLOW_API_KEY=KEY).endswith(" None")
    assert "secret@" not in str(run.report)
