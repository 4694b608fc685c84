"""How an answer comes to a client of httpx that has no socket: late, slowly, in part or not at all.

What httpx raises over a socket is raised here; `tests/mockserver/test_delivery.py` compares them.
"""

import time
from collections.abc import AsyncIterator, Iterator

import anyio
import httpx

from ..state.clock import Clock
from ..wire import Response


class HttpxStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The way of one answer to its client, and the stream of its body."""

    def __init__(self, clock: Clock, response: Response, request: httpx.Request) -> None:
        self._clock = clock
        self._body = response.body
        self._delivery = response.delivery
        self._request = request

    def head(self) -> Iterator[float]:
        """Yield the seconds to sleep until the head is there, or raise what comes instead."""
        yield from self._pause(self._delivery.delay)
        if self._delivery.close == "refused":
            raise httpx.ConnectError("[Errno 111] Connection refused", request=self._request)
        if self._delivery.close == "reset":
            raise httpx.ReadError("[Errno 104] Connection reset by peer", request=self._request)
        if self._delivery.close == "before_answer":
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=self._request
            )

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts():
            if isinstance(part, bytes):
                yield part
            else:
                time.sleep(part)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts():
            if isinstance(part, bytes):
                yield part
            else:
                await anyio.sleep(part)

    def _parts(self) -> Iterator[bytes | float]:
        """Yield the pieces of the body, and the seconds to sleep between them."""
        *pieces, last = self._delivery.split(self._body)
        for piece in pieces:
            yield piece
            yield from self._pause(self._delivery.pause)
        yield last
        if self._delivery.close == "in_body" and self._body:
            received = len(last) + sum(map(len, pieces))
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body"
                f" (received {received} bytes, expected {len(self._body)})",
                request=self._request,
            )

    def _pause(self, seconds: float) -> Iterator[float]:
        """Let time pass, but no more than the client waits."""
        patience: float | None = self._request.extensions.get("timeout", {}).get("read")
        if patience is not None and patience < seconds:
            yield self._clock.skip(patience)
            raise httpx.ReadTimeout("timed out", request=self._request)
        if seconds:
            yield self._clock.skip(seconds)


def head_of(response: httpx.Response) -> Iterator[float]:
    """Do as `HttpxStream.head` for a response that has one; any other is there at once."""
    arrival = response.stream
    return arrival.head() if isinstance(arrival, HttpxStream) else iter(())
