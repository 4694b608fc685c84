"""The mock as an ASGI application, without a framework on the way."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias

from .engine import answer
from .state import State
from .wire import Request, Response

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

#: How long an upload that was answered before its end is still listened to, in seconds.
#: A client that sends on meanwhile reads the answer, where a closed connection would reset it.
LINGER = 5.0


def application(state: State) -> Application:
    """Return the ASGI application of this mock; it serves HTTP and the lifespan events."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            # A server that stops cancels uploads that are under way: they are given up.
            with contextlib.suppress(asyncio.CancelledError):
                await _serve(state, scope, receive, send)
        else:
            raise NotImplementedError(f"this mock does not speak {scope['type']}")

    return app


async def _serve(state: State, scope: Message, receive: Receive, send: Send) -> None:
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
    await _send(answer(state, request), send, keep=complete)
    if not complete:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_discard(receive), LINGER)
        await send({"type": "http.response.body"})


async def _send(response: Response, send: Send, *, keep: bool) -> None:
    """Send head and body with nothing in between, so that one write carries both."""
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-length", b"%d" % len(response.body)))
    if not keep:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": not keep})


async def _discard(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        pass


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
