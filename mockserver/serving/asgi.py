"""The mock as an ASGI application, without a framework."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeAlias

from ..admin.dispatch import AWAY, CALL_BYTES, PREFIX, dispatch, refuse_host
from ..state.decisions import UnavailableError
from ..state.store import State
from ..wire import CONNECTING, Request, Response, json_response
from .aside import Aside

LOG = logging.getLogger(__name__)

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
#: Takes the state, a request and, by name, the token of `/__admin`.
Handler: TypeAlias = Callable[..., Response | Awaitable[Response]]
Application: TypeAlias = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

#: How long to go on reading an upload that was answered before its end, in seconds.
#: A client that is still sending can then read the answer; closing would reset the connection.
LINGER = 5.0

#: A longer request, head and body in bytes, is answered beside the event loop, as is every call of
#: `/__admin`; it takes up to a hundredth of a second for each KiB.
SHORT = 8 * 1024

#: How many requests wait for a shared state at a time.
WAITING = 16

#: The most bytes of a body that are read at once of every request, and of how many more.
UNASKED = 64 * 1024
UPLOADS = 8

#: Answered at once and to everybody: containers and scripts ask whether the mock is there.
HEALTH = "/health"
HEALTHY = json_response(200, {"status": "ok"})

#: The ASGI extension that ends a connection: a mapping whose `call` takes `reset`.
HANG_UP = "rerank_mock.hang_up"


def application(
    state: State, admin_token: str | None = None, handle: Handler = dispatch
) -> Application:
    """Return the ASGI application of this mock; it serves HTTP and the lifespan events.

    Calls of `/__admin` need the `admin_token`, if there is one. `handle` answers the requests; it
    may return an awaitable, and other clients are answered meanwhile.
    """
    desk = _Desk(state, partial(handle, state, token=admin_token), guarded=admin_token is None)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            try:
                answered = await desk.answer(scope, receive)
                if answered is not None:
                    response, complete = answered
                    deliver = partial(_deliver, state, complete=complete)
                    try:
                        await deliver(response, scope, receive, send)
                    except UnavailableError as error:
                        # A clock that others share did not move on.
                        LOG.error("%s", error)
                        await deliver(AWAY, scope, receive, send)
            except asyncio.CancelledError:
                # The server stops: no answer is made up for what is still in progress.
                with contextlib.suppress(asyncio.CancelledError, ConnectionAbortedError):
                    await _hang_up(scope, receive, reset=False)
        else:
            raise NotImplementedError(f"this mock does not speak {scope['type']}")

    return app


class _Desk:
    """Reads requests and answers them, so that no long one holds up the others."""

    def __init__(
        self,
        state: State,
        handle: Callable[[Request], Response | Awaitable[Response]],
        *,
        guarded: bool,
    ) -> None:
        self._state = state
        self._guarded = guarded
        self._handle = handle
        self._requests, self._calls = Aside(), Aside()
        self._waiting = ThreadPoolExecutor(WAITING, "rerank-mock") if state.waits else None
        self._uploads = asyncio.Semaphore(UPLOADS)

    async def answer(self, scope: Message, receive: Receive) -> tuple[Response, bool] | None:
        """Return the answer, and whether the body was read to its end; None without a client."""
        if scope["path"] == HEALTH and scope["method"] in ("GET", "HEAD"):
            return HEALTHY, True
        is_call = scope["path"].startswith(PREFIX)
        body, complete, holds_upload = bytearray(), False, False
        try:
            while not await self._is_too_long(len(body), is_call=is_call) and not complete:
                if not holds_upload and len(body) > UNASKED:
                    holds_upload = await self._uploads.acquire()
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                complete = not message.get("more_body", False)
            limit = self._limit(is_call=is_call)
            request = Request(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                headers={
                    name.decode("latin-1"): value.decode("latin-1")
                    for name, value in scope["headers"]
                },
                body=bytes(memoryview(body)[: limit + 1]),
                raw_path=scope.get("raw_path") or b"",
            )
            del body
            refusal = refuse_host(request) if is_call and self._guarded else None
            if refusal is not None:
                handled: Response | Awaitable[Response] = refusal
            elif is_call:
                handled = await self._calls.do(partial(self._handle, request))
            elif len(request.body) + request.head_length > SHORT:
                handled = await self._requests.do(partial(self._handle, request))
            elif self._waiting is not None:
                loop = asyncio.get_running_loop()
                handled = await loop.run_in_executor(self._waiting, self._handle, request)
            else:
                handled = self._handle(request)
            if isinstance(handled, Response):
                return handled, complete
            answered = await _unless_gone(handled, receive) if complete else await handled
            return None if answered is None else (answered, complete)
        finally:
            if holds_upload:
                self._uploads.release()

    async def _is_too_long(self, length: int, *, is_call: bool) -> bool:
        """Return whether a body has more bytes than are read of it."""
        if length > self._limit(is_call=is_call) and self._state.waits and not is_call:
            # The limit may have been raised at another mock.
            with contextlib.suppress(UnavailableError):
                await asyncio.to_thread(self._state.refresh)
        return length > self._limit(is_call=is_call)

    def _limit(self, *, is_call: bool) -> int:
        return CALL_BYTES if is_call else self._state.behaviour.max_body_bytes


async def _unless_gone(answer: Awaitable[Response], receive: Receive) -> Response | None:
    """Return the answer, or None once the client has gone: nobody works on for it."""
    working = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _deliver(
    state: State,
    response: Response,
    scope: Message,
    receive: Receive,
    send: Send,
    *,
    complete: bool,
) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(response.body)))
    if not complete:
        headers.append((b"connection", b"close"))
    delivery = response.delivery
    if delivery.delay and not await _pause(state, delivery.delay, receive):
        return
    # The connection is open by now: the most that a server can do is not to answer.
    if delivery.close == "timed_out" and not await _pause(state, CONNECTING, receive):
        return
    if delivery.close not in (None, "in_body"):
        await _hang_up(scope, receive, reset=delivery.close != "before_answer")
        return
    cut = delivery.close == "in_body"
    # Nothing in between, so that one write carries the head and the first piece.
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    *pieces, last = delivery.split(response.body)
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        try:
            if not await _pause(state, delivery.pause, receive):
                return
        except UnavailableError as error:
            LOG.error("%s", error)
            await _hang_up(scope, receive, reset=False)
            return
    await send({"type": "http.response.body", "body": last, "more_body": cut or not complete})
    if cut:
        await _hang_up(scope, receive, reset=False)
    elif not complete:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_discard(receive), LINGER)
        await send({"type": "http.response.body"})


async def _pause(state: State, seconds: float, receive: Receive) -> bool:
    """Let time pass; return whether the client is still connected."""
    sleep = seconds
    if seconds and state.clock.frozen:
        skip = partial(state.clock.skip, seconds)
        sleep = await asyncio.to_thread(skip) if state.waits else skip()
    if not sleep:
        return True
    try:
        await asyncio.wait_for(_disconnected(receive), sleep)
    except asyncio.TimeoutError:
        return True
    return False


async def _hang_up(scope: Message, receive: Receive, *, reset: bool) -> None:
    """End the connection by an extension of `server.py`, as ASGI has no way to."""
    hang_up = scope.get("extensions", {}).get(HANG_UP)
    if hang_up is None:
        raise ConnectionAbortedError(
            "this ASGI server cannot end a connection; use rerank-mock serve"
        )
    hang_up["call"](reset=reset)
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _discard(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
