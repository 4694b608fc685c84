"""The served mock: CPU of the server's process alone, whatever its client costs."""

import ctypes
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mockserver.state.store import DEFAULT_KEY
from mockserver.wording import count_of

from .measuring import Comparison, Side
from .requests import REQUESTS, SHORT, unlike, unlimited

ROOT = Path(__file__).parents[1]

#: How often the two sides of a crowd take turns.
ROUNDS = 21

#: Requests that a crowd sends at once.
BURST = 320

MOCK = "`rerank-mock serve`"
CONSTANT = "a constant answer of the same length, raw ASGI on the same uvicorn"
FLOOR = "parse, validate, rank and print on the same uvicorn"


def message(path: str, body: bytes, key: str = DEFAULT_KEY) -> bytes:
    """Return a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One connection to a server in a process of its own, kept alive."""

    def __init__(self, pid: int, port: int) -> None:
        self.port, self.pid, self._received = port, pid, b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        clock = ctypes.c_int()
        ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
        self._clock = clock.value

    def clock(self) -> float:
        """Return the seconds of CPU that all threads of the server have taken."""
        return time.clock_gettime(self._clock)

    def another(self) -> "Connection":
        """Return one more connection to the same server."""
        return Connection(self.pid, self.port)

    @property
    def number(self) -> int:
        """The number of its file."""
        return self._socket.fileno()

    def post(self, path: str, body: bytes) -> bytes:
        """Send a request in one piece, and return the body of its answer."""
        self.send(message(path, body))
        while (answer := self.receive()) is None:
            pass
        return answer

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._socket.sendall(request)

    def receive(self) -> bytes | None:
        """Receive once; return the body of the answer if it is complete."""
        more = self._socket.recv(1 << 20)
        if not more:
            raise RuntimeError("cannot measure: the server closed the connection")
        self._received += more
        head, end, answer = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = re.search(rb"(?i)content-length: (\d+)", head)
        is_chunked = b"chunked" in head
        if not head.startswith(b"HTTP/1.1 200 ") or not (length or is_chunked):
            raise RuntimeError(f"cannot measure: the server answered {head!r}")
        is_complete = len(answer) >= int(length[1]) if length else answer.endswith(b"0\r\n\r\n")
        if not is_complete:
            return None
        self._received = b""
        return answer

    def close(self) -> None:
        """Close the connection; the server goes on."""
        self._socket.close()


class Crowd:
    """Connections that send requests at the same time, each as soon as it has its answer."""

    def __init__(self, server: Connection, size: int, stack: ExitStack) -> None:
        self.clock = server.clock
        self._connections = [server.another() for _ in range(size)]
        for connection in self._connections:
            stack.callback(connection.close)
        self._p99s = 0.0

    def post(self, path: str, body: bytes) -> None:
        """Send `BURST` requests, each unlike the others, and read all answers."""
        self.exchange([message(path, unlike(body)) for _ in range(BURST)])

    def exchange(self, requests: list[bytes]) -> None:
        """Send requests, the last first, and read all answers."""
        waiting = {connection.number: connection for connection in self._connections}
        began, taken = dict.fromkeys(waiting, 0.0), list[float]()
        readable = select.epoll()
        for number, connection in waiting.items():
            readable.register(number, select.EPOLLIN)
            began[number] = time.perf_counter()
            connection.send(requests.pop())
        while waiting:
            for number, _ in readable.poll():
                if waiting[number].receive() is None:
                    continue
                now = time.perf_counter()
                taken.append(now - began[number])
                if requests:
                    began[number] = now
                    waiting[number].send(requests.pop())
                else:
                    readable.unregister(number)
                    del waiting[number]
        readable.close()
        self._p99s += sorted(taken)[len(taken) * 99 // 100]

    def p99s(self) -> float:
        """Return the 99th percentiles of all bursts so far, added up: a clock of latency."""
        return self._p99s


@contextmanager
def serving(*module: str) -> Generator[tuple["subprocess.Popen[str]", int]]:
    """Run a module that serves and says where on its first line; yield its process and port."""
    with subprocess.Popen(
        [sys.executable, "-m", *module], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    ) as server:
        try:
            line = server.stdout.readline() if server.stdout else ""
            port = re.search(r":(\d+)", line)
            if port is None:
                raise RuntimeError(f"{module[0]} did not start: {line!r}")
            yield server, int(port[1])
        finally:
            server.terminate()


@contextmanager
def served(*module: str) -> Generator[Connection]:
    """Run a module that serves; yield a connection to it."""
    with serving(*module) as (server, port), closing(Connection(server.pid, port)) as connection:
        yield connection


@contextmanager
def mock_served() -> Generator[Connection]:
    """Serve the mock without limits; yield a connection to it."""
    with TemporaryDirectory() as folder:
        state = Path(folder, "state.json")
        unlimited().save(state)
        options = ("--port", "0", "--quiet", "--state", str(state))
        with served("mockserver", "serve", *options) as connection:
            yield connection


def servers() -> Iterator[Comparison]:
    """Compare `rerank-mock serve` with a constant answer from the same kind of server."""
    if sys.platform != "linux":
        raise SystemExit("The servers are measured on Linux alone: it tells another process's CPU.")
    forwarding = ("mockserver", "proxy", "--port", "0", "--quiet", "--upstream")
    with (
        mock_served() as mock,
        served("benchmarks.bare") as bare,
        served(*forwarding, f"http://127.0.0.1:{mock.port}/v1") as proxy,
    ):
        for name, body in REQUESTS.items():
            length = len(mock.post("/v1/rerank", body))
            yield Comparison(
                MOCK,
                CONSTANT,
                name,
                Side(partial(mock.post, "/v1/rerank", body), mock.clock),
                Side(partial(bare.post, f"/{length}", body), bare.clock),
            )
            yield Comparison(
                "`rerank-mock proxy` and `rerank-mock serve` behind it",
                "`rerank-mock serve`, called directly",
                name,
                Side(partial(proxy.post, "/v1/rerank", body), lambda: proxy.clock() + mock.clock()),
                Side(partial(mock.post, "/v1/rerank", body), mock.clock),
            )


def crowds() -> Iterator[Comparison]:
    """Compare the same at one connection and at 16, where no two requests are alike."""
    body = REQUESTS[SHORT]
    with (
        mock_served() as mock,
        served("benchmarks.bare") as bare,
        served("benchmarks.floor") as floor,
        ExitStack() as stack,
    ):
        length = len(mock.post("/v1/rerank", body))
        for size, goal in ((1, 2.0), (16, 4.0)):
            name = f"{SHORT}, no two alike, {count_of(size, 'connection')}"
            ours, theirs, least = (Crowd(server, size, stack) for server in (mock, bare, floor))
            answering = partial(ours.post, "/v1/rerank", body)
            constant = partial(theirs.post, f"/{length}", body)
            subject = Side(answering, mock.clock, BURST)
            baseline = Side(constant, bare.clock, BURST)
            yield Comparison(MOCK, CONSTANT, name, subject, baseline, goal, ROUNDS)
            ranking = Side(partial(least.post, "/", body), floor.clock, BURST)
            yield Comparison(MOCK, FLOOR, name, subject, ranking, 1 / 0.55, ROUNDS)
            late, soon = Side(answering, ours.p99s), Side(constant, theirs.p99s)
            yield Comparison(f"{MOCK}: p99 of the latency", CONSTANT, name, late, soon, 6.0, ROUNDS)
