"""The least that the mock's server could do: an ASGI application with a constant answer.

It answers as many bytes as its path says: `POST /4096`.
"""

import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import uvicorn

Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Read the request to its end, then answer."""
    while (await receive()).get("more_body", False):
        pass
    await respond(send, bytes(int(scope["path"][1:])))


async def respond(send: Send, body: bytes) -> None:
    """Answer with JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(application: Application) -> None:
    """Serve on a free port of the loopback interface until a signal comes."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    print(f"bare ready at http://{host}:{port}", flush=True)
    # The options of the mock's own server: the difference that is left is the application.
    options: dict[str, Any] = {"lifespan": "off", "ws": "none", "server_header": False}
    options |= {"proxy_headers": False, "timeout_keep_alive": 60}
    config = uvicorn.Config(application, access_log=False, log_config=None, **options)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    serve(application)
