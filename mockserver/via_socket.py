"""The mock on a socket: uvicorn in a thread of its own, or as the whole process."""

import ipaddress
import socket
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .state import State
from .via_asgi import HANG_UP, application

#: How long a server that stops waits for answers under way, in seconds.
GRACE = 1

# How the two numbers of SO_LINGER are laid out.
_LINGER = "hh" if sys.platform == "win32" else "ii"


class _Protocol(HttpToolsProtocol):
    """Lets the application hang up on a client, which ASGI has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"call": self.hang_up}}

    def hang_up(self, *, reset: bool) -> None:
        """Close the connection after what was written, or reset it at once."""
        if reset:
            # Whoever lingers for no time sends RST in place of FIN.
            bare: socket.socket = self.transport.get_extra_info("socket")
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
            self.transport.abort()
        else:
            self.transport.close()


class _Uvicorn(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(
        self, state: State, ready: Callable[[], None], admin_token: str | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application(state, admin_token),
                http=_Protocol,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Bind a socket, to a free port if `port` is 0; raises OSError if that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def base_url(listener: socket.socket) -> str:
    """Return the base URL of a mock that listens there."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def is_loopback(listener: socket.socket) -> bool:
    """Return whether programs on this machine alone can reach it."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def serve(
    state: State,
    listener: socket.socket,
    ready: Callable[[], None],
    admin_token: str | None = None,
) -> None:
    """Serve in this thread until a signal comes; call `ready` once connections are accepted."""
    _Uvicorn(state, ready, admin_token).run([listener])


class ThreadedServer:
    """Serves in a background thread between entry and exit of a `with` block."""

    def __init__(self, state: State, listener: socket.socket) -> None:
        self.state = state
        self.base_url = base_url(listener)
        self._listener = listener
        self._ready = threading.Event()
        self._uvicorn = _Uvicorn(state, self._ready.set)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="rerank-mock")

    def __enter__(self) -> "ThreadedServer":
        self._running = self._executor.submit(self._uvicorn.run, [self._listener])
        self._running.add_done_callback(lambda _: self._ready.set())
        self._ready.wait()
        if self._running.done():
            self._running.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._uvicorn.should_exit = True
        self._running.result()
        self._executor.shutdown()
