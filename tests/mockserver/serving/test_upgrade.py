"""A request with an offer to upgrade is answered as if there were none (RFC 9110, 7.8)."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import connect, fields

pytestmark = pytest.mark.rerank_mock(fail_on="nothing")

BODY = json.dumps(fields()).encode()
#: Connection headers, in which the offer is one of the options.
CONNECTIONS = [b"Upgrade", b"upgrade", b"Upgrade, HTTP2-Settings", b"keep-alive,UPGRADE"]
PROTOCOLS = [b"h2c", b"websocket", b"TLS/1.0", b"HTTP/2.0, SHTTP/1.3, IRC/6.9", b"unheard-of"]

#: Shows that the connection still works, and ends it.
LAST = b"GET /last HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n"


def post(mock: RerankMock, *headers: bytes, framing: bytes = b"", body: bytes = BODY) -> bytes:
    lines = [
        b"POST /v1/rerank HTTP/1.1",
        b"Host: mock",
        *headers,
        b"Authorization: Bearer " + mock.api_key.encode(),
        framing or b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join([*lines, b"", body])


def offer(protocol: bytes, connection: bytes = b"Upgrade") -> tuple[bytes, bytes]:
    return b"Connection: " + connection, b"Upgrade: " + protocol


def send(mock: RerankMock, pieces: Iterable[bytes]) -> list[bytes]:
    """Send the pieces one by one; return the answers without what differs each time."""
    with connect(mock.base_url) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (*pieces, LAST):
            connection.sendall(piece)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    received = re.sub(rb"[0-9a-f]{32}|(?<=\ndate: )[^\r]*", b"", received)
    *answers, last = re.split(rb"(?<=.)(?=HTTP/1\.1 )", received, flags=re.DOTALL)
    assert b"connection: close" in last
    return answers


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("connection", CONNECTIONS)
def test_a_post_with_an_offer_is_answered_as_one_without(
    rerank_server: RerankMock, protocol: bytes, connection: bytes
) -> None:
    offered = post(rerank_server, *offer(protocol, connection))
    answers = send(rerank_server, [offered])
    assert answers == send(rerank_server, [post(rerank_server)])
    assert answers[0].startswith(b"HTTP/1.1 200 OK\r\n")
    posted = [call for call in rerank_server.calls if call.request.method == "POST"]
    assert [call.sent.fields for call in posted] == [fields(), fields()]


# The server is shared, and nothing of it is reset between examples.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.integers(0, 1000)), st.sampled_from(PROTOCOLS))
def test_however_the_bytes_are_cut_into_writes(
    rerank_server: RerankMock, cuts: list[int], protocol: bytes
) -> None:
    sent = post(rerank_server, *offer(protocol))
    places = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    pieces = [sent[start:end] for start, end in pairwise(places)]
    assert send(rerank_server, pieces) == send(rerank_server, [post(rerank_server)])


@pytest.mark.parametrize(
    "headers",
    [
        (b"Proxy-Connection: upgrade", b"Upgrade: h2c"),
        (b"Connection: close", b"Proxy-Connection: Upgrade", b"Upgrade: h2c"),
        (b"Connection: upgrade", b"Connection: Upgrade", b"Upgrade: h2c", b"UPGRADE: websocket"),
        (b"Upgrade: h2c", b"Connection: , upgrade ,"),
        (b"Connection: upgrade upgrade", b"Upgrade:"),
    ],
)
def test_an_offer_in_any_headers_is_ignored(
    rerank_server: RerankMock, headers: tuple[bytes, ...]
) -> None:
    with connect(rerank_server.base_url) as connection:
        connection.sendall(post(rerank_server, *headers))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert "upgrade" in rerank_server.calls.last.request.headers


def test_the_body_may_come_in_chunks(rerank_server: RerankMock) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    framing = b"Transfer-Encoding: chunked"
    (answer,) = send(
        rerank_server, [post(rerank_server, *offer(b"h2c"), framing=framing, body=chunks)]
    )
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_with_offers_may_be_pipelined(rerank_server: RerankMock) -> None:
    offered, plain = post(rerank_server, *offer(b"h2c")), post(rerank_server)
    answers = send(rerank_server, [offered + plain + offered + offered])
    assert answers == send(rerank_server, [plain]) * 4


def test_a_client_that_expects_100_gets_it(rerank_server: RerankMock) -> None:
    expecting = post(rerank_server, *offer(b"h2c"), b"Expect: 100-continue")
    assert [answer[:12] for answer in send(rerank_server, [expecting])] == [
        b"HTTP/1.1 100",
        b"HTTP/1.1 200",
    ]


def test_a_get_with_an_offer_is_answered(rerank_server: RerankMock) -> None:
    head = b"GET /v1/models HTTP/1.1\r\nHost: mock\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    (answer,) = send(rerank_server, [head + b"\r\n"])
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_the_log_does_not_blame_a_missing_websocket_library(
    rerank_server: RerankMock, caplog: pytest.LogCaptureFixture
) -> None:
    send(rerank_server, [post(rerank_server, *offer(b"websocket"))])
    assert caplog.text == ""


@pytest.mark.parametrize("target", [b"a:443", b"a", b"/"])
def test_connect_is_refused_and_is_no_offer(rerank_server: RerankMock, target: bytes) -> None:
    head = b"CONNECT %b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with connect(rerank_server.base_url) as connection:
        connection.sendall(head % target + b"anything")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def run(command: str, *arguments: str) -> str:
    """Run a program that must be there, and return what it prints."""
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"there is no {command} on PATH")
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_curl_with_http2_is_answered(rerank_server: RerankMock) -> None:
    url, key = f"{rerank_server.base_url}/rerank", f"Authorization: Bearer {rerank_server.api_key}"
    printed = run(
        "curl", "--http2", "--silent", "--noproxy", "*", "-H", key, "-d", BODY.decode(), url
    )
    assert len(json.loads(printed)["results"]) == 3
    assert "h2c" in rerank_server.calls.last.request.headers["upgrade"]


JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .header("Authorization", "Bearer " + arguments[1])
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(arguments[2]))
            .build();
        var client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++) {
            var response = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.version());
        }
    }
}
"""


@pytest.mark.slow
def test_the_http_client_of_java_is_answered(rerank_server: RerankMock, tmp_path: Path) -> None:
    source = tmp_path / "Ask.java"
    source.write_text(JAVA, encoding="utf-8")
    url = f"{rerank_server.base_url}/rerank"
    printed = run("java", str(source), url, rerank_server.api_key, BODY.decode())
    assert printed.splitlines() == ["200 HTTP_1_1"] * 2
    first = rerank_server.calls[0]
    assert first.request.headers["upgrade"] == "h2c"
    assert [call.advice for call in rerank_server.calls] == [()] * 2
