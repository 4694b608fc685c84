"""The mock as an ASGI application, without a framework."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from functools import partial
from typing import Any, TypeAlias

from ..admin.dispatch import dispatch
from ..state.clock import Clock
from ..state.store import State
from ..wire import Request, Response

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
#: Takes the state, a request and, by name, the token of `/__admin`.
Handler: TypeAlias = Callable[..., Response | Awaitable[Response]]
Application: TypeAlias = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

#: How long to go on reading an upload that was answered before its end, in seconds.
#: A client that is still sending can then read the answer; closing would reset the connection.
LINGER = 5.0

#: The ASGI extension that ends a connection: a mapping whose `call` takes `reset`.
HANG_UP = "rerank_mock.hang_up"


def application(
    state: State, admin_token: str | None = None, handle: Handler = dispatch
) -> Application:
    """Return the ASGI application of this mock; it serves HTTP and the lifespan events.

    Calls of `/__admin` need the `admin_token`, if there is one. `handle` answers the requests; it
    may return an awaitable, and other clients are answered meanwhile.
    """

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            # A server that stops cancels uploads in progress.
            with contextlib.suppress(asyncio.CancelledError):
                await _serve(state, partial(handle, state, token=admin_token), scope, receive, send)
        else:
            raise NotImplementedError(f"this mock does not speak {scope['type']}")

    return app


async def _serve(
    state: State,
    handle: Callable[[Request], Response | Awaitable[Response]],
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    limit = state.behaviour.max_body_bytes
    body, complete = bytearray(), False
    while not complete and len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        complete = not message.get("more_body", False)
    request = Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=bytes(body[: limit + 1]),
    )
    handled = handle(request)
    response = handled if isinstance(handled, Response) else await handled
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-length", b"%d" % len(response.body)))
    if not complete:
        headers.append((b"connection", b"close"))
    delivery = response.delivery
    if not await _pause(state.clock, delivery.delay, receive):
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
        if not await _pause(state.clock, delivery.pause, receive):
            return
    await send({"type": "http.response.body", "body": last, "more_body": cut or not complete})
    if cut:
        await _hang_up(scope, receive, reset=False)
    elif not complete:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_discard(receive), LINGER)
        await send({"type": "http.response.body"})


async def _pause(clock: Clock, seconds: float, receive: Receive) -> bool:
    """Let time pass; return whether the client is still connected."""
    sleep = clock.skip(seconds) if seconds else 0.0
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
