"""Faults of delivery for httpx clients without a socket: delays, drips, broken connections.

They raise what httpx raises over a socket; `tests/mockserver/serving/test_delivery.py` compares.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping

import anyio
import httpx

from ..state.clock import Clock
from ..wire import CONNECTING, Response


class HttpxStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The delivery of one answer: its head, then the stream of its body."""

    def __init__(self, clock: Clock, response: Response, request: httpx.Request) -> None:
        self._clock = clock
        self._body = response.body
        self._delivery = response.delivery
        self._request = request

    @property
    def _timeouts(self) -> Mapping[str, float | None]:
        timeouts: Mapping[str, float | None] = self._request.extensions.get("timeout", {})
        return timeouts

    def head(self) -> Iterator[float]:
        """Yield the seconds to sleep before the head, or raise the fault."""
        yield from self._pause(self._delivery.delay)
        if self._delivery.close == "timed_out":
            patience = self._timeouts.get("connect")
            yield self._clock.skip(CONNECTING if patience is None else min(patience, CONNECTING))
            raise httpx.ConnectTimeout("timed out", request=self._request)
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
        """Let time pass, up to the read timeout of the client."""
        patience = self._timeouts.get("read")
        if patience is not None and patience < seconds:
            yield self._clock.skip(patience)
            raise httpx.ReadTimeout("timed out", request=self._request)
        if seconds:
            yield self._clock.skip(seconds)


def head_of(response: httpx.Response) -> Iterator[float]:
    """Return `HttpxStream.head` of a response, or nothing to wait for."""
    stream = response.stream
    return stream.head() if isinstance(stream, HttpxStream) else iter(())
