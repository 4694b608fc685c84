"""The served mock: CPU of the server's process alone, whatever its client costs."""

import ctypes
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mockserver.state.store import DEFAULT_KEY

from .measuring import Comparison, Side
from .requests import REQUESTS, unlimited

ROOT = Path(__file__).parents[1]


class Connection:
    """One connection to a server in a process of its own, kept alive."""

    def __init__(self, pid: int, port: int) -> None:
        self.port = port
        self._socket = socket.create_connection(("127.0.0.1", port))
        clock = ctypes.c_int()
        ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
        self._clock = clock.value

    def clock(self) -> float:
        """Return the seconds of CPU that all threads of the server have taken."""
        return time.clock_gettime(self._clock)

    def post(self, path: str, body: bytes) -> bytes:
        """Send a request in one piece, and return the body of its answer."""
        self._socket.sendall(
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {DEFAULT_KEY}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head, _, answer = self._read(b"").partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise RuntimeError(f"cannot measure {path}: the server answered {head!r}")
        while len(answer) < int(length[1]):
            answer = self._read(answer)
        return answer

    def _read(self, before: bytes) -> bytes:
        more = self._socket.recv(1 << 20)
        if not more:
            raise RuntimeError("cannot measure: the server closed the connection")
        return before + more

    def close(self) -> None:
        """Close the connection; the server goes on."""
        self._socket.close()


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
    with serving(*module) as (server, port):
        connection = Connection(server.pid, port)
        yield connection
        connection.close()


def servers() -> Iterator[Comparison]:
    """Compare `rerank-mock serve` with a constant answer from the same kind of server."""
    if sys.platform != "linux":
        raise SystemExit("The servers are measured on Linux alone: it tells another process's CPU.")
    with ExitStack() as stack:
        state = Path(stack.enter_context(TemporaryDirectory()), "state.json")
        unlimited().save(state)
        command = ("mockserver", "serve", "--port", "0", "--quiet", "--state", str(state))
        mock = stack.enter_context(served(*command))
        bare = stack.enter_context(served("benchmarks.bare"))
        forwarding = ("mockserver", "proxy", "--port", "0", "--quiet", "--upstream")
        proxy = stack.enter_context(served(*forwarding, f"http://127.0.0.1:{mock.port}/v1"))
        for name, body in REQUESTS.items():
            length = len(mock.post("/v1/rerank", body))
            yield Comparison(
                "`rerank-mock serve`",
                "a constant answer of the same length, raw ASGI on the same uvicorn",
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
