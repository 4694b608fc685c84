import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.store import State
from mockserver.testing.fixtures import RerankMock
from tests.mockserver.asking import HEADERS, connect, fields

pytestmark = pytest.mark.rerank_mock(fail_on="nothing")

HEAD = b"POST /v1/rerank HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer sk-mock\r\n"


def send(base_url: str, sent: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the mock closes."""
    with connect(base_url) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def alive(mock: RerankMock) -> bool:
    headers = {"Authorization": f"Bearer {mock.api_key}"}
    response = httpx.post(f"{mock.base_url}/rerank", json=fields(), headers=headers)
    return response.status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
        pytest.param(b"\x00" * 100, id="NULs"),
        pytest.param(b"hello\r\n\r\n", id="text"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", id="path that is no ASCII"),
        pytest.param(b"GET http://[ HTTP/1.1\r\n\r\n", id="broken target"),
        pytest.param(HEAD + b"no colon\r\n\r\n", id="header without colon"),
        pytest.param(HEAD + b"A\x00B: c\r\n\r\n", id="NUL in a header name"),
        pytest.param(HEAD + b"Content-Length: x\r\n\r\n", id="length that is no number"),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunk"),
    ],
)
def test_what_is_not_http_is_refused_and_the_mock_lives_on(
    rerank_server: RerankMock, sent: bytes
) -> None:
    received = send(rerank_server.base_url, sent)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")
    assert alive(rerank_server)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEAD, id="half a head"),
        pytest.param(HEAD + b"Content-Length: 100\r\n\r\n{", id="half a body"),
    ],
)
def test_a_client_that_leaves_does_no_harm(rerank_server: RerankMock, sent: bytes) -> None:
    with connect(rerank_server.base_url) as connection:
        connection.sendall(sent)
    assert alive(rerank_server)


def test_a_percent_encoded_path_is_decoded_once(rerank_server: RerankMock) -> None:
    received = send(rerank_server.base_url, b"GET /v1/%6dodels HTTP/1.0\r\n\r\n")
    assert b" 401 " in received
    assert b" 404 " in send(rerank_server.base_url, b"GET /v1/%256dodels HTTP/1.0\r\n\r\n")


def test_the_query_reaches_the_mock(rerank_server: RerankMock) -> None:
    headers = {"Authorization": f"Bearer {rerank_server.api_key}"}
    response = httpx.get(f"{rerank_server.base_url}/models?type=image", headers=headers)
    assert response.json()["data"] == []


def test_a_head_request_has_no_body(rerank_server: RerankMock) -> None:
    response = httpx.head(rerank_server.base_url)
    assert (response.status_code, response.content) == (404, b"")


def test_many_clients_at_once_are_each_given_their_own_answer(rerank_server: RerankMock) -> None:
    headers = {"Authorization": f"Bearer {rerank_server.api_key}"}
    with httpx.Client(base_url=rerank_server.base_url, headers=headers) as client:

        def echo(number: int) -> str:
            sent = fields(documents=[f"document {number}"], return_documents=True)
            response = client.post("/rerank", json=sent).json()
            text: str = response["results"][0]["document"]["text"]
            return text

        with ThreadPoolExecutor(8) as executor:
            echoes = list(executor.map(echo, range(100)))
    assert echoes == [f"document {number}" for number in range(100)]
    assert len(rerank_server.calls) == 100


def test_a_server_stops_with_its_block_even_while_a_client_is_connected() -> None:
    with ThreadedServer(State(), listen()) as server, httpx.Client() as client:
        url = f"{server.base_url}/rerank"
        assert client.post(url, json=fields(), headers=HEADERS).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.post(url)


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with listen() as listener, pytest.raises(OSError, match="in use"):
        listen(port=listener.getsockname()[1])


def test_a_server_that_cannot_start_says_why() -> None:
    listener = listen()
    server = ThreadedServer(State(), listener)
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"), server:
        pass
