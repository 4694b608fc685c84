"""The mock on a socket: uvicorn in a background thread, or as the whole process."""

import asyncio
import gc
import ipaddress
import logging
import math
import socket
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ..admin.dispatch import dispatch
from ..state.decisions import UnavailableError
from ..state.store import State
from .asgi import HANG_UP, LINGER, application
from .joining import JoiningTransport

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    # It imports httpx, which only a proxy needs.
    from .forwarding import Forwarder

LOG = logging.getLogger(__name__)

#: How long a server that stops waits for answers in progress, in seconds.
GRACE = 1

#: The most bytes of a URL, of headers or of trailers together.
HEAD_BYTES = 64 * 1024

#: How many bytes are parsed before that is checked.
_STRIDE = 4 * 1024

#: How long a connection may be idle, a request may take to arrive, and an answer may wait for a
#: client that does not read it, in seconds.
PATIENCE = 60.0

#: How many files the process may still open when it refuses a connection.
_SPARE = 16

#: How often a shared state is touched, in seconds; it is kept for a week.
TOUCHING = 3600.0

# The layout of the two numbers of SO_LINGER.
_LINGER = "hh" if sys.platform == "win32" else "ii"


class _HeadTooLongError(Exception):
    """More than `HEAD_BYTES` came that are no body."""


class _Parser:
    """Parses requests as httptools does, but ignores Upgrade headers (RFC 9110, section 7.8).

    After a head that asks for an upgrade, httptools takes the rest for another protocol and drops
    the body. So the head is parsed again without its Upgrade headers, and gets them back then.
    """

    def __init__(self, protocol: "_Protocol") -> None:
        self._protocol = protocol
        #: The Upgrade headers that the head lost.
        self.ignored: list[tuple[bytes, bytes]] = []
        #: How many bytes came since a request began or a part of its body came.
        self.since = 0
        self._begin()

    def _begin(self) -> None:
        parser = httptools.HttpRequestParser(self._protocol)
        # As uvicorn does: a request may follow one that asked for the connection to be closed.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.get_method = parser.get_method
        self.get_http_version = parser.get_http_version
        self.should_keep_alive = parser.should_keep_alive
        #: Whether the last head asks for an upgrade.
        self.has_offer = parser.should_upgrade
        self._feed_data = parser.feed_data

    @staticmethod
    def should_upgrade() -> bool:
        """Return that no connection is ever upgraded."""
        return False

    def feed_data(self, data: bytes) -> None:
        """Parse data from a client. Raises `HttpParserError` or `_HeadTooLongError`."""
        for start in range(0, len(data), _STRIDE):
            piece = data[start : start + _STRIDE]
            self.since += len(piece)
            while piece:
                piece = self._feed(piece)
            if self.since > HEAD_BYTES:
                raise _HeadTooLongError

    def _feed(self, data: bytes) -> bytes:
        """Parse up to an upgrade; return its head, without the upgrade, and the rest."""
        try:
            self._feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # What still asks for one without an Upgrade header, as CONNECT does, would never end.
            if self.get_method() == b"CONNECT" or self.ignored:
                raise httptools.HttpParserError("cannot be answered without an upgrade") from None
            headers = self._protocol.headers
            self.ignored = [header for header in headers if header[0] == b"upgrade"]
            kept = [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
            method, version = self.get_method(), self.get_http_version().encode()
            start = b"%b %b HTTP/%b" % (method, self._protocol.url, version)
            self._begin()
            return b"\r\n".join([start, *kept, b"", data[upgrade.args[0] :]])
        return b""


class _Protocol(HttpToolsProtocol):
    """Stays with HTTP/1.1, and lets the application end a connection, which ASGI does not.

    It waits `PATIENCE` for a client, and bounds heads.
    """

    #: When a full table of files was last logged, by the clock of the loop.
    _complained = -PATIENCE

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **options)
        self.parser: Any = _Parser(self)
        #: When the rest of a request must have come, by the clock of the loop, if one has begun.
        self._due: float | None = None
        #: Looks at `_due` from time to time: a timer for each request would cost more.
        self._watch: asyncio.TimerHandle | None = None
        self._departure: asyncio.TimerHandle | None = None
        #: Whether the rest of what the client sends is ignored.
        self._refused = False

    @property
    def _cycle(self) -> RequestResponseCycle | None:
        return self.cycle  # None before the first request, whatever uvicorn's types say

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._joining = JoiningTransport(transport, self.loop)
        self._extensions: dict[str, dict[object, object]] = {HANG_UP: {"call": self.hang_up}}
        super().connection_made(self._joining)
        self._expect()
        number = transport.get_extra_info("socket").fileno()
        if number >= (most := _most_files()) - _SPARE:
            transport.abort()
            if self.loop.time() - _Protocol._complained >= PATIENCE:
                _Protocol._complained = self.loop.time()
                LOG.error("refusing connections: the process may open only %d files", most)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self._watch is not None:
            self._watch.cancel()
        self.resume_writing()

    def eof_received(self) -> None:
        # The connection is closed next.
        self._joining.flush()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._due is None:
            self._expect()
        try:
            super().data_received(data)
        except _HeadTooLongError:
            self._refuse_head()

    def _refuse_head(self) -> None:
        self._refused = True
        LOG.warning("refused a request with a head of more than %d bytes", HEAD_BYTES)
        if not (self._cycle and self._cycle.response_started):
            self.transport.write(_HEAD_TOO_LONG)
        # Closing at once would reset the connection of a client that is still sending.
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.abort)

    def _expect(self) -> None:
        """Begin to wait for the rest of a request."""
        self._due = self.loop.time() + PATIENCE
        if self._watch is None:
            self._watch = self.loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._due is None:
            return
        if self.loop.time() < self._due:
            self._watch = self.loop.call_at(self._due, self._look)
        else:
            self._give_up()

    def _give_up(self) -> None:
        cycle = self._cycle
        is_answering = cycle and not (cycle.more_body or cycle.response_complete)
        if self.flow.read_paused:
            self._expect()
        elif not is_answering:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._departure = self.loop.call_later(PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._departure is not None:
            self._departure.cancel()
            self._departure = None

    def on_body(self, body: bytes) -> None:
        self.parser.since = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        if not self.parser.has_offer():
            self.headers += self.parser.ignored
            self.parser.ignored = []
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.has_offer():
            self.parser.since = 0
            self._due = None
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._joining.end_answer()
        super().on_response_complete()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.parser.since = 0
        self._expect()
        self.scope["extensions"] = self._extensions

    def hang_up(self, *, reset: bool) -> None:
        """Close the connection after what was written, or reset it at once."""
        if reset:
            # A linger time of 0 sends RST instead of FIN.
            bare: socket.socket = self.transport.get_extra_info("socket")
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER, 1, 0))
            self.transport.abort()
        else:
            self.transport.close()


_REASON = b"The head of the request is longer than %d bytes." % HEAD_BYTES
_HEAD_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REASON), _REASON)
)


def _most_files() -> float:
    """Return how many files the process may open."""
    if sys.platform == "win32":
        return math.inf
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class _Uvicorn(uvicorn.Server):
    """Calls `ready` once it accepts connections."""

    def __init__(
        self,
        state: State,
        ready: Callable[[], None],
        admin_token: str | None = None,
        forwarder: "Forwarder | None" = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application(state, admin_token, forwarder or dispatch),
                http=_Protocol,
                lifespan="off",
                ws="none",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                date_header=forwarder is None,
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=cast("int", PATIENCE),  # any number of seconds will do
            )
        )
        self._state = state
        self._ready = ready
        self._forwarder = forwarder

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self._forwarder is not None:
            await self._forwarder.upstream.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._state.waits:
            self._touching = asyncio.create_task(_touch(self._state))
        self._ready()


async def _touch(state: State) -> None:
    """Keep a shared state from being forgotten while this server runs."""
    while True:
        await asyncio.sleep(TOUCHING)
        try:
            await asyncio.to_thread(state.touch)
        except UnavailableError as error:
            LOG.warning("%s", error)


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Return a listening socket, on a free port if `port` is 0. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def base_url(listener: socket.socket) -> str:
    """Return the base URL of a mock with this socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def is_loopback(listener: socket.socket) -> bool:
    """Return whether only this machine can reach the socket."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def serve(
    state: State,
    listener: socket.socket,
    ready: Callable[[], None],
    admin_token: str | None = None,
    forwarder: "Forwarder | None" = None,
) -> None:
    """Serve in this thread until interrupted; call `ready` once connections are accepted.

    With a `forwarder` the mock is a proxy.
    """
    # What is there by now is there to stay: the collector need not look at it again and again.
    gc.freeze()
    _Uvicorn(state, ready, admin_token, forwarder).run([listener])


class ThreadedServer:
    """Serves in a background thread between entry and exit of a `with` block."""

    def __init__(
        self,
        state: State,
        listener: socket.socket,
        admin_token: str | None = None,
        forwarder: "Forwarder | None" = None,
    ) -> None:
        self.state = state
        self.base_url = base_url(listener)
        self._listener = listener
        self._ready = threading.Event()
        self._uvicorn = _Uvicorn(state, self._ready.set, admin_token, forwarder)
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
