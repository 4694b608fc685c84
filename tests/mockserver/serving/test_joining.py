"""The head of an answer and its body are written together, so one packet carries a short answer."""

import asyncio
import json
import socket
from collections.abc import Iterable, Iterator, Sequence

import httpx
import pytest

from mockserver.serving import server
from mockserver.serving.joining import JoiningTransport
from mockserver.serving.server import ThreadedServer, listen
from mockserver.state.store import State
from tests.mockserver.asking import fields

Data = bytes | bytearray | memoryview

BODY = json.dumps(fields()).encode()
HEADERS = "Host: a\r\nAuthorization: Bearer sk-mock\r\nContent-Type: application/json\r\n"


class Counting(asyncio.Transport):
    """Counts what reaches another transport."""

    def __init__(self, transport: asyncio.Transport, writes: list[bytes]) -> None:
        super().__init__()
        self._transport = transport
        self._writes = writes

    def write(self, data: Data) -> None:
        self._writes.append(bytes(data))
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        self._writes.append(b"".join(list_of_data))
        self._transport.writelines(list_of_data)

    def __getattribute__(self, name: str) -> object:
        if name in ("write", "writelines", "_transport", "_writes", "__class__"):
            return object.__getattribute__(self, name)
        return getattr(self._transport, name)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ThreadedServer, list[bytes]]]:
    writes: list[bytes] = []

    class Counted(JoiningTransport):
        def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
            super().__init__(Counting(transport, writes), loop)

    monkeypatch.setattr(server, "JoiningTransport", Counted)
    with ThreadedServer(State(), listen()) as running:
        yield running, writes


def converse(running: ThreadedServer, *requests: bytes) -> bytes:
    """Send requests, the last of which asks for the connection to be closed; return the answers."""
    port = int(running.base_url.rpartition(":")[2][:-3])
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"".join(requests))
        while more := connection.recv(65536):
            received += more
    return received


def request(line: str, body: bytes = b"", extra: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{line} HTTP/1.1\r\n{HEADERS}{extra}{length}\r\n".encode() + body


LAST = "Connection: close\r\n"
RANK = "POST /v1/rerank"


@pytest.mark.parametrize(
    ("requests", "statuses"),
    [
        ([request(RANK, BODY, LAST)], [200]),
        ([request(RANK, BODY), request("GET /v1/models", extra=LAST)], [200, 200]),
        ([request("HEAD /health"), request(RANK, b"{}", LAST)], [200, 400]),
        ([request("HEAD /health", extra=LAST)], [200]),
        ([request("POST /v1/rerank/", BODY, LAST)], [307]),
        ([request(RANK, BODY, f"Expect: 100-continue\r\n{LAST}")], [100, 200]),
    ],
    ids=["one", "kept alive", "HEAD first", "HEAD last", "without a body", "100-continue"],
)
def test_each_answer_is_one_write(
    counted: tuple[ThreadedServer, list[bytes]], requests: Sequence[bytes], statuses: list[int]
) -> None:
    running, writes = counted
    received = converse(running, *requests)
    assert [int(write.split()[1]) for write in writes] == statuses
    assert received == b"".join(writes)


def test_an_answer_in_pieces_is_a_write_for_each(
    counted: tuple[ThreadedServer, list[bytes]],
) -> None:
    running, writes = counted
    steps = [{"drip": {"pieces": 3, "pause": 0.01}}]
    armed = {"account": "account-1", "scenario": {"name": "slow", "steps": steps}}
    httpx.post(f"{running.base_url[:-3]}/__admin/scenarios", json=armed).raise_for_status()
    writes.clear()
    received = converse(running, request(RANK, BODY, LAST))
    assert len(writes) == 3
    assert json.loads(received.partition(b"\r\n\r\n")[2])["results"]


class Silent(asyncio.Transport):
    """Notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, object]] = []
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: Data) -> None:
        self.calls.append(("write", data))

    def writelines(self, list_of_data: Iterable[Data]) -> None:
        self.calls.append(("write", b"".join(list_of_data)))

    def close(self) -> None:
        self.calls.append(("close", None))

    def abort(self) -> None:
        self.calls.append(("abort", None))

    def write_eof(self) -> None:
        self.calls.append(("write_eof", None))


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("close", ["close", "abort", "write_eof"])
def test_a_head_without_a_body_is_written_before_the_end(close: str) -> None:
    async def answer() -> None:
        transport = JoiningTransport(silent, asyncio.get_running_loop())
        transport.write(HEAD)
        assert silent.calls == []
        getattr(transport, close)()

    silent = Silent()
    asyncio.run(answer())
    assert silent.calls == [("write", HEAD), (close, None)]


def test_answers_are_written_when_all_are_computed() -> None:
    async def answer(number: int) -> None:
        transports[number].write(HEAD)
        transports[number].write(b"%d" % number)
        written.append([silent.calls[:] for silent in silents])

    async def answer_both() -> None:
        transports.extend(JoiningTransport(s, asyncio.get_running_loop()) for s in silents)
        await asyncio.gather(answer(0), answer(1))
        await asyncio.sleep(0)

    silents, transports = [Silent(), Silent()], list[JoiningTransport]()
    written: list[list[list[tuple[str, object]]]] = []
    asyncio.run(answer_both())
    assert written == [[[], []], [[], []]]
    assert [silent.calls for silent in silents] == [
        [("write", HEAD + b"0")],
        [("write", HEAD + b"1")],
    ]


def test_what_is_held_back_for_a_lost_connection_is_dropped() -> None:
    async def answer() -> None:
        transport = JoiningTransport(silent, asyncio.get_running_loop())
        transport.write(HEAD)
        transport.write(b"0")
        silent.closing = True
        await asyncio.sleep(0)

    silent = Silent()
    asyncio.run(answer())
    assert silent.calls == []
