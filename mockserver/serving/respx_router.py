"""The mock in this process: it answers httpx, sync and async, without a socket."""

import time

import anyio
import httpx
import respx

from ..admin.dispatch import dispatch
from ..state.store import State
from ..wire import PROMPT, Request
from .httpx_stream import HttpxStream, head_of

BASE_URL = "https://api.siliconflow.cn/v1"


def router(state: State, base_url: str = BASE_URL) -> respx.MockRouter:
    """Return a respx router that answers every request to the host of `base_url`.

    Requests to other hosts go to the other active respx routers, or to the network if there are
    none. `base_url` ends in `/v1`; the mock also answers below the path before it.
    """
    url = httpx.URL(base_url)
    root = url.path.removesuffix("/v1")
    if not base_url.endswith("/v1"):
        raise ValueError(f"a base URL must end in /v1, not {base_url!r}")

    def respond(request: httpx.Request) -> httpx.Response:
        response = dispatch(state, _translate(request, root))
        headers = dict(response.headers)
        if headers.get("location", "").startswith("/"):
            headers["location"] = root + headers["location"]
        if response.delivery == PROMPT:
            return httpx.Response(response.status, headers=headers, content=response.body)
        headers["content-length"] = str(len(response.body))
        stream = HttpxStream(state.clock, response, request)
        return httpx.Response(response.status, headers=headers, stream=stream)

    def leave(request: httpx.Request) -> httpx.Request | None:
        alone = mock.Mocker is not None and mock.Mocker.routers == [mock]
        return request if alone else None

    mock = _Router(assert_all_called=False)
    mock.route(url__startswith=f"{url.scheme}://{url.netloc.decode()}{root}/").mock(
        side_effect=respond
    )
    mock.route().mock(side_effect=leave)
    return mock


class _Router(respx.MockRouter):
    """Waits as long as an answer is delayed."""

    def handler(self, request: httpx.Request) -> httpx.Response:
        response = super().handler(request)
        for seconds in head_of(response):
            time.sleep(seconds)
        return response

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        response = await super().async_handler(request)
        for seconds in head_of(response):
            await anyio.sleep(seconds)
        return response


def _translate(request: httpx.Request, root: str) -> Request:
    return Request(
        method=request.method,
        path=request.url.path.removeprefix(root),
        query=request.url.query.decode("latin-1"),
        headers=dict(request.headers),
        body=request.content,
        without_timeout=request.extensions.get("timeout", {}).get("read", 0) is None,
    )
