"""Stands between gateway and mock, and passes every byte on.

The journal of the mock has no keys, and an answer that nobody waits for looks like any other there.
Here both can be seen: what came byte by byte, and who left before the answer.
"""

import contextlib
import socket
import struct
import threading
from types import TracebackType

#: Bytes that are read at once.
_PIECE = 65_536
#: Has a socket answer with a reset when it is closed.
_RESET = struct.pack("ii", 1, 0)
#: Seconds after which requests that wait for others are passed on without them.
GATHERING = 0.5


class Relay:
    """Listens between entry and exit of a `with` block, and passes connections on."""

    def __init__(self, host: str, port: int, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        #: Where it listens.
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()
        self._received: list[bytes] = []
        self._abandoned = 0
        self._missing = 0
        self._gathered = threading.Event()
        self._gathered.set()

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing alone does not wake a thread that accepts.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    @property
    def abandoned(self) -> int:
        """How many connections the gateway has closed before the answer to its request began."""
        return self._abandoned

    def drop(self) -> None:
        """Close all connections that are open."""
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            connection.close()

    def gather(self, requests: int) -> None:
        """Pass the next requests on when so many have come, so that all of them are under way."""
        with self._lock:
            self._missing = requests
            self._gathered.clear()

    def received(self) -> bytes:
        """What the gateway has sent since the last call."""
        with self._lock:
            received, self._received = b"".join(self._received), []
        return received

    def _accept(self) -> None:
        while True:
            try:
                gateway, _ = self._listener.accept()
            except OSError:
                return
            try:
                mock = socket.create_connection(self._upstream)
            except OSError:
                gateway.close()
                continue
            connection = _Connection(self, gateway, mock)
            with self._lock:
                self._open.add(connection)
            connection.begin()

    def take(self, piece: bytes) -> None:
        """Note what the gateway sent."""
        with self._lock:
            self._received.append(piece)

    def wait_for_others(self) -> None:
        """Hold one request back while others are to be gathered."""
        with self._lock:
            self._missing -= 1
            if self._missing <= 0:
                self._gathered.set()
        # A gateway may ask for one after the other.
        if not self._gathered.wait(GATHERING):
            self._gathered.set()

    def end(self, connection: "_Connection", *, abandoned: bool) -> None:
        """Note that the gateway or the mock has left."""
        with self._lock:
            if connection in self._open:
                self._open.remove(connection)
                self._abandoned += abandoned


class _Connection:
    """One connection of the gateway, and that to the mock which belongs to it."""

    def __init__(self, relay: Relay, gateway: socket.socket, mock: socket.socket) -> None:
        self._relay, self._gateway, self._mock = relay, gateway, mock
        #: Whether a request came whose answer has not begun.
        self._waits = False
        self._is_reset = False
        for each in (gateway, mock):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self) -> None:
        for pump in (self._pass_requests, self._pass_answers):
            threading.Thread(target=pump, daemon=True).start()

    def close(self) -> None:
        # A thread that reads is woken by the shutdown, not by the close. Where a reset is to be
        # sent, nothing else may end the connection before.
        ways = {self._gateway: socket.SHUT_RD if self._is_reset else socket.SHUT_RDWR}
        for each in (self._gateway, self._mock):
            with contextlib.suppress(OSError):
                each.shutdown(ways.get(each, socket.SHUT_RDWR))
            each.close()

    def _pass_requests(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self._gateway.recv(_PIECE):
                self._relay.take(piece)
                if not self._waits:
                    self._waits = True
                    self._relay.wait_for_others()
                self._mock.sendall(piece)
        self._relay.end(self, abandoned=self._waits)
        self.close()

    def _pass_answers(self) -> None:
        try:
            while piece := self._mock.recv(_PIECE):
                self._waits = False
                self._gateway.sendall(piece)
        except ConnectionResetError:
            # The gateway is to see what the mock does.
            self._is_reset = True
            with contextlib.suppress(OSError):
                self._gateway.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass
        self._relay.end(self, abandoned=False)
        self.close()
