"""The mock in this process: it answers httpx and httpx2, sync and async, without a socket."""

import time
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TypeAlias

import anyio
import httpx
import respx
from respx.mocks import Mocker
from respx.models import AllMockedAssertionError

from ..admin.dispatch import dispatch
from ..engine import ROUTES
from ..state.store import State
from ..wire import PROMPT, Request
from .httpx_stream import HttpxStream, head_of

BASE_URL = "https://api.siliconflow.cn/v1"

#: The two hosts of the service, which have separate accounts.
BASE_URLS = (BASE_URL, "https://api.siliconflow.com/v1")

#: A host that httpx may reach while the mock answers, besides this machine, or several; `all` means
#: every host.
Passthrough: TypeAlias = "str | Collection[str]"


class NotMockedError(AllMockedAssertionError):
    """A request to a host that is not mocked, which would have left this process."""


def router(
    state: State, base_urls: Collection[str] = BASE_URLS, passthrough: Passthrough = ()
) -> respx.MockRouter:
    """Return a respx router that answers every request to the hosts of `base_urls`.

    Routes of other active routers keep working, on these hosts too, except for the paths of this
    API; of several mocks the one that was started last answers. Requests to other hosts raise
    `NotMockedError` unless a route takes them, they stay on this machine, or `passthrough` names
    their host. A base URL ends in `/v1`; the mock also answers below the path before it.
    """
    mock = _Router(dict(map(_root_of, base_urls)))
    passed = {passthrough} if isinstance(passthrough, str) else {*passthrough}

    def respond(request: httpx.Request, root: str) -> httpx.Response:
        asked = _translate(request, root)
        if asked.path not in ROUTES and mock.is_routed(request):
            raise NotMockedError
        response = dispatch(state, asked)
        headers = response.headers
        if headers.get("location", "").startswith("/"):
            headers = {**headers, "location": root + headers["location"]}
        if response.delivery == PROMPT:
            return httpx.Response(response.status, headers=headers, content=response.body)
        headers = {**headers, "content-length": str(len(response.body))}
        stream = HttpxStream(state.clock, response, request)
        return httpx.Response(response.status, headers=headers, stream=stream)

    def leave(request: httpx.Request) -> httpx.Request:
        host = request.url.host
        if not mock.is_taken(request) and (passed & {host, "all"} or _is_loopback(host)):
            return request
        raise NotMockedError(
            f"{request.method} {request.url.copy_with(query=None)} would leave this process: the"
            f" mock answers only at {', '.join(base_urls)}. To let it through, add"
            f" passthrough=[{host!r}]"
        )

    def resolve(request: httpx.Request) -> httpx.Response | httpx.Request:
        root = mock.root_of(request)
        return leave(request) if root is None else respond(request, root)

    # respx takes longer to find one of several routes, and to make them.
    mock.route().mock(side_effect=resolve)
    return mock


@lru_cache(64)
def _root_of(base_url: str) -> tuple[str, str]:
    """Return the start of each URL below the base URL, and the path before that of the API."""
    if not base_url.endswith("/v1"):
        raise ValueError(f"a base URL must end in /v1, not {base_url!r}")
    url = httpx.URL(base_url)
    root = url.path.removesuffix("/v1")
    return f"{url.scheme}://{url.netloc.decode()}{root}/", root


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Router(respx.MockRouter):
    """Comes before the routers that are active, and waits as long as an answer is delayed."""

    def __init__(self, roots: Mapping[str, str]) -> None:
        super().__init__(assert_all_called=False)
        #: The start of each URL that it answers, and the path before that of the API.
        self._roots = roots

    def root_of(self, request: httpx.Request) -> str | None:
        """Return the path before that of the API, or None if the request goes elsewhere."""
        url = str(request.url)
        for start, root in self._roots.items():
            if url.startswith(start):
                return root
        return None

    def start(self) -> None:
        """Start to answer."""
        super().start()
        routers = self._active()
        routers.remove(self)
        routers.insert(0, self)
        if mocker := _mocker_of_httpx2():
            mocker.start()

    def stop(self, clear: bool = True, reset: bool = True, quiet: bool = False) -> None:
        """Stop to answer."""
        super().stop(clear=clear, reset=reset, quiet=quiet)
        mocker = _mocker_of_httpx2()
        if mocker and not any(isinstance(router, _Router) for router in self._active()):
            mocker.stop(force=True)

    def is_routed(self, request: httpx.Request) -> bool:
        """Return whether a route of an active router takes the request that is not of a mock."""
        others = (router for router in self._active() if not isinstance(router, _Router))
        return any(_takes(router, request) for router in others)

    def is_taken(self, request: httpx.Request) -> bool:
        """Return whether a route of another active router takes the request."""
        others = (router for router in self._active() if router is not self)
        return any(_takes(router, request) for router in others)

    def _active(self) -> list[respx.Router]:
        return [] if self.Mocker is None else self.Mocker.routers

    def handler(self, request: httpx.Request) -> httpx.Response:
        try:
            response = super().handler(request)
        except Exception as error:
            # As it is, without the one that respx wraps it in.
            raise error from None
        for seconds in head_of(response):
            time.sleep(seconds)
        return response

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await super().async_handler(request)
        except Exception as error:
            raise error from None
        for seconds in head_of(response):
            await anyio.sleep(seconds)
        return response


@cache
def _mocker_of_httpx2() -> type[Mocker] | None:
    """Return what lets routers answer httpx2, if that is installed."""
    if not (find_spec("httpx2") and find_spec("httpcore2")):
        return None
    from .httpx2_mocker import Httpx2Mocker  # noqa: PLC0415 - it imports httpx2

    return Httpx2Mocker


def _takes(router: respx.Router, request: httpx.Request) -> bool:
    if isinstance(router, _Router):
        return router.root_of(request) is not None
    # A route for everything has no pattern.
    return any(not route.pattern or route.pattern.match(request) for route in router.routes)


def _translate(request: httpx.Request, root: str) -> Request:
    return Request(
        method=request.method,
        path=request.url.path.removeprefix(root),
        query=request.url.query.decode("latin-1"),
        headers=_headers_of(request),
        body=request.content,
        without_timeout=request.extensions.get("timeout", {}).get("read", 0) is None,
    )


def _headers_of(request: httpx.Request) -> dict[str, str]:
    """Return `dict(request.headers.items())`, which takes twice as long."""
    raw, encoding = request.headers.raw, request.headers.encoding
    headers = {name.lower().decode(encoding): value.decode(encoding) for name, value in raw}
    # A name that comes twice has both values there.
    return headers if len(headers) == len(raw) else dict(request.headers.items())
