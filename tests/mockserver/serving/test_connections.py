"""What a client may send before it is refused, and how long it is waited for."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from mockserver.serving import server
from mockserver.serving.server import HEAD_BYTES, ThreadedServer, listen
from mockserver.state.store import State
from tests.mockserver.asking import connect, fields
from tests.mockserver.bounded import ROOT

BODY = json.dumps(fields()).encode()

BEGIN = b"POST /v1/rerank HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer sk-mock\r\n"
CHUNKED = BEGIN + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadedServer(State(), listen()) as running:
        yield running.base_url


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    with ThreadedServer(State(), listen()) as running:
        yield running.base_url


def received(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


TOO_LONG = {
    "a header": (BEGIN + b"X: ", b"a" * 1000),
    "many headers": (BEGIN, b"X: a\r\n" * 100),
    "a name": (BEGIN, b"a" * 1000),
    "a URL": (b"POST /", b"a" * 1000),
    "a query": (b"POST /v1/rerank?", b"a=b&" * 100),
    "a trailer": (CHUNKED + b"%x\r\n%b\r\n0\r\nX: " % (len(BODY), BODY), b"a" * 1000),
    "an extension of a chunk": (CHUNKED + b"1;a=", b"a" * 1000),
    "an offer": (BEGIN + b"Connection: Upgrade\r\nUpgrade: h2c\r\nX: ", b"a" * 1000),
    "empty lines": (b"", b"\r\n" * 500),
}


@pytest.mark.parametrize(("begin", "more"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_without_end_is_refused(url: str, begin: bytes, more: bytes) -> None:
    with connect(url) as connection:
        connection.sendall(begin + more * (2 * HEAD_BYTES // len(more)))
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"longer than 65536 bytes" in answer


@pytest.mark.parametrize("name", ["a header", "many headers", "a name"])
def test_a_head_of_up_to_64_kib_is_read(url: str, name: str) -> None:
    begin, more = TOO_LONG[name]
    rest = {"a header": b"\r\n", "many headers": b"", "a name": b": a\r\n"}[name] + LENGTH + BODY
    begin += more * ((HEAD_BYTES - len(begin) - 1000) // len(more))
    with connect(url) as connection:
        connection.sendall(begin + rest)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_small_chunks_are_no_head(url: str) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY + b" " * HEAD_BYTES)
    with connect(url) as connection:
        connection.sendall(CHUNKED + chunks + b"0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


HALVES = {
    "nothing": b"",
    "half a method": b"PO",
    "half a head": BEGIN,
    "half a body": BEGIN + LENGTH + BODY[:5],
    "half a chunk": CHUNKED + b"ff\r\n" + BODY[:5],
    "an empty line": b"\r\n",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_a_connection_that_sends_no_whole_request_is_closed(impatient: str, half: bytes) -> None:
    with connect(impatient) as connection:
        connection.sendall(half)
        assert received(connection) == b""


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_so_is_one_that_had_an_answer(impatient: str, half: bytes) -> None:
    with connect(impatient) as connection:
        connection.sendall(BEGIN + LENGTH + BODY + half)
        assert received(connection).count(b"HTTP/1.1 200 ") == 1


def test_a_request_that_is_answered_late_is_not_given_up(impatient: str) -> None:
    headers = {"Authorization": "Bearer sk-mock"}
    scenario = {"name": "late", "steps": [{"delay": 1}]}
    armed = {"account": "account-1", "scenario": scenario}
    httpx.post(f"{impatient[:-3]}/__admin/scenarios", json=armed).raise_for_status()
    with connect(impatient) as connection:
        # Some clients send an empty line after a body.
        connection.sendall(BEGIN + LENGTH + BODY + b"\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200 ")
    assert httpx.get(f"{impatient}/models", headers=headers).status_code == 200


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    body = json.dumps(fields(documents=["a" * 4_000_000], return_documents=True)).encode()
    with ThreadedServer(State(), listen()) as running, connect(running.base_url) as connection:
        connection.sendall(BEGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while not len(running.state.journal):
            pass
        uvicorn = running._uvicorn  # pyright: ignore[reportPrivateUsage]
        while uvicorn.server_state.connections:
            pass


# All that the crowd needs is opened first, so every connection after the first meets a full table.
CROWD = """
import logging, os, resource, socket, sys
from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.store import State
logging.basicConfig(stream=sys.stderr)
def is_refused(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
with ThreadedServer(State(), listen()) as running:
    address = ("127.0.0.1", int(running.base_url.rpartition(":")[2][:-3]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    first, *crowd = [socket.socket() for _ in range(6)]
    for connection in (first, *crowd):
        connection.settimeout(60)
    request = b"GET /v1/models HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
    first.connect(address)
    first.sendall(request)
    first.recv(65536)
    while os.dup(0) < 90:
        pass
    for connection in crowd:
        connection.connect(address)
    print(sum(map(is_refused, crowd)))
    first.sendall(request)
    print(first.recv(12).decode())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_full_table_of_files_is_logged_and_harms_no_connection() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CROWD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    refused, answer = done.stdout.splitlines()
    assert int(refused) == 5
    assert answer == "HTTP/1.1 401"
    assert done.stderr.count("refusing connections: the process may open only 100 files") == 1
