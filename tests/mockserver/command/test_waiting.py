"""`rerank-mock wait`: until the mock answers, or until the time is over."""

import contextlib
import socket
import threading
from collections.abc import Generator
from typing import Any

import pytest

from mockserver.command.parser import CommandError
from mockserver.command.waiting import Waiting, health
from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.store import State
from tests.mockserver.command.commands import status_of


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_a_mock_that_answers_is_0(end: str, capfd: pytest.CaptureFixture[str]) -> None:
    with ThreadedServer(State(), listen()) as server:
        assert status_of("wait", server.base_url.removesuffix("/v1") + end) == 0
        assert len(server.state.journal) == 0
    assert capfd.readouterr() == ("", "")


def test_it_waits_until_the_mock_answers() -> None:
    time, asked = Time(), list[str]()

    def ask(base: str, timeout: float) -> str:
        assert 0 < timeout <= 2
        asked.append(base)
        return "Connection refused" if time.passed < 3 else ""

    assert Waiting(url="http://mock:1/v1", seconds=10).run(ask, time.now, time.sleep) == 0
    assert 3 <= time.passed < 3.2
    assert set(asked) == {"http://mock:1"}


def test_it_gives_up_in_time_and_says_why() -> None:
    time = Time()

    def ask(_base: str, _timeout: float) -> str:
        return "No route"

    with pytest.raises(CommandError) as caught:
        Waiting(url="http://mock:1", seconds=5).run(ask, time.now, time.sleep)
    assert str(caught.value) == "no mock answered at http://mock:1 within 5 s: No route"
    assert caught.value.status == 1
    assert time.passed <= 5


def test_a_port_where_nobody_listens_is_1(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert status_of("wait", base, "--seconds", "0") == 1
    complaint = f"rerank-mock: no mock answered at {base} within 0 s: Connection refused\n"
    assert capfd.readouterr() == ("", complaint)


def test_without_a_url_it_asks_where_the_variables_let_a_mock_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadedServer(State(), listen("127.0.0.2")) as server:
        port = server.base_url.removesuffix("/v1").rpartition(":")[2]
        monkeypatch.setenv("RERANK_MOCK_HOST", "127.0.0.2")
        monkeypatch.setenv("RERANK_MOCK_PORT", port)
        assert status_of("wait", "--seconds", "2") == 0


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://127.0.0.1:8787"),
        ({"port": 1}, "http://127.0.0.1:1"),
        ({"host": "0.0.0.0"}, "http://127.0.0.1:8787"),
        ({"host": "::", "port": 1}, "http://[::1]:1"),
        ({"port": 0, "url": "http://mock:1/v1"}, "http://mock:1"),
    ],
)
def test_the_default_is_an_address_that_can_be_reached(options: dict[str, Any], url: str) -> None:
    def ask(base: str, _timeout: float) -> str:
        assert base == url
        return ""

    assert Waiting(**options).run(ask) == 0


def test_any_free_port_cannot_be_waited_for(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RERANK_MOCK_PORT", "0")
    assert status_of("wait") == 2
    complaint = "RERANK_MOCK_PORT is 0, which is any free port: give the URL of the mock"
    assert capfd.readouterr().err == f"rerank-mock: {complaint}\n"


@pytest.mark.parametrize(
    ("answer", "path", "problem"),
    [
        (
            "404 Not Found",
            "/v1/rerank",
            "404: the URL must be the base URL of the mock, which ends in /v1",
        ),
        ("404 Not Found", "", "404, but not by a mock"),
        ("501 Not Implemented", "", "501, but not by a mock"),
        ("200 OK", "/v2", "200, but not by a mock"),
    ],
)
def test_what_is_no_mock_is_not_taken_for_one(answer: str, path: str, problem: str) -> None:
    with server_that_says(f"HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n".encode()) as base:
        assert health(base + path, 2) == f"GET {path}/health was answered with {problem}"


def test_what_speaks_no_tls_is_named() -> None:
    with server_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n") as base:
        problem = health(base.replace("http", "https"), 2)
    assert problem == "the server there does not speak TLS: the URL of a mock begins with http://"


def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    silence = "/health had no whole answer within 0.01 s"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert health(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.01) == silence


def test_an_answer_that_drips_is_not_waited_for_to_its_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

        threading.Thread(target=drip, daemon=True).start()
        problem = health(f"http://127.0.0.1:{listener.getsockname()[1]}", 0.3)
        assert problem == "/health had no whole answer within 0.3 s"


@pytest.mark.parametrize(
    "url", ["http://exa mple", "http://127.0.0.1:1/\u00e9", "http://a..b/", f"http://{'a' * 300}/"]
)
def test_a_url_that_cannot_be_asked_is_one_line(
    url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert status_of("wait", url, "--seconds", "0") == 2
    assert capfd.readouterr().err.startswith("rerank-mock: URL must be one such as")


def test_what_a_server_says_does_nothing_to_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with server_that_says(b"\x1b[31mred\r\n\r\n") as base:
        assert status_of("wait", base, "--seconds", "0") == 1
    error = capfd.readouterr().err
    assert "\\x1b[31mred" in error
    assert error.removesuffix("\n").isprintable()


@contextlib.contextmanager
def server_that_says(answer: bytes) -> Generator[str]:
    """Answer one connection with these bytes; yield the URL without a path."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def say() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        threading.Thread(target=say, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
