"""The relay passes on what both sides do, and sees who leaves."""

import select
import socket
from collections.abc import Iterator

import pytest

from contract_tests.gateway import relay as module
from contract_tests.gateway.relay import Relay


@pytest.fixture
def mock() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        yield listener


@pytest.fixture
def relay(mock: socket.socket) -> Iterator[Relay]:
    with Relay("127.0.0.1", 0, mock.getsockname()) as relay:
        yield relay


def connect(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=5)


def test_bytes_pass_both_ways(mock: socket.socket, relay: Relay) -> None:
    with connect(relay) as gateway, mock.accept()[0] as upstream:
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"
        upstream.sendall(b"answer")
        assert gateway.recv(100) == b"answer"
    assert relay.received() == b"question"
    assert relay.received() == b""


def test_a_reset_stays_one(mock: socket.socket, relay: Relay) -> None:
    with connect(relay) as gateway, mock.accept()[0] as upstream:
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        upstream.close()
        with pytest.raises(ConnectionResetError):
            gateway.recv(100)


@pytest.mark.parametrize(("answered", "abandoned"), [(False, 1), (True, 0)])
def test_a_gateway_that_leaves_before_the_answer_is_seen(
    mock: socket.socket, relay: Relay, answered: bool, abandoned: int
) -> None:
    with connect(relay) as gateway, mock.accept()[0] as upstream:
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"
        if answered:
            upstream.sendall(b"answer")
            assert gateway.recv(100) == b"answer"
        gateway.close()
        # The mock learns that nobody waits.
        assert upstream.recv(100) == b""
        # What ends the connection there was counted before.
        assert relay.abandoned == abandoned


def test_requests_are_gathered_until_all_have_come(
    mock: socket.socket, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHERING", 60.0)
    relay.gather(2)
    with (
        connect(relay) as one,
        mock.accept()[0] as first,
        connect(relay) as other,
        mock.accept()[0] as second,
    ):
        one.sendall(b"first")
        assert select.select([first], [], [], 0.1)[0] == []
        other.sendall(b"second")
        assert first.recv(100) == b"first"
        assert second.recv(100) == b"second"


def test_a_request_that_comes_alone_is_passed_on_in_the_end(
    mock: socket.socket, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHERING", 0.01)
    relay.gather(2)
    with connect(relay) as gateway, mock.accept()[0] as upstream:
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"


def test_a_mock_that_leaves_is_not_left(mock: socket.socket, relay: Relay) -> None:
    with connect(relay) as gateway, mock.accept()[0] as upstream:
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"
        upstream.close()
        assert gateway.recv(100) == b""
    assert relay.abandoned == 0


def test_the_end_of_the_relay_ends_connections(mock: socket.socket) -> None:
    with Relay("127.0.0.1", 0, mock.getsockname()) as relay:
        gateway = connect(relay)
        upstream, _ = mock.accept()
        gateway.sendall(b"question")
        assert upstream.recv(100) == b"question"
    assert gateway.recv(100) == b""
    gateway.close()
    upstream.close()
