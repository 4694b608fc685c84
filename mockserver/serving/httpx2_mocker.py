"""The mock for httpx2, the successor of httpx, which respx does not know.

Its requests become requests of httpx, which routers answer; errors become those of httpx2.
"""

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pkgutil import resolve_name
from typing import Any, ClassVar, cast
from unittest import mock

import httpx
import httpx2
from respx.mocks import HTTPCoreMocker

#: What answers httpx. Its methods have no types.
_HTTPX: Any = HTTPCoreMocker


class Httpx2Mocker(HTTPCoreMocker):
    """Lets the active routers of respx answer httpx2 too."""

    #: respx takes each name once, and this module may be imported again: from an installation and
    #: from here, or after `pytester` has run tests in this process.
    name = f"{__name__} {len(HTTPCoreMocker.registry)}"
    targets: ClassVar = [
        target.replace("httpcore", "httpcore2", 1) for target in HTTPCoreMocker.targets
    ]

    @classmethod
    def start(cls) -> None:
        """Start to answer. respx would find and inspect the targets anew each time."""
        started: list[Any] = cast("Any", cls)._patches
        if not started:
            for owner, method in _targets():
                patch = mock.patch.object(owner, method, _mocked(getattr(owner, method)))
                patch.start()
                started.append(patch)

    @classmethod
    def handler(cls, httpx_request: httpx.Request) -> Any:  # noqa: ANN401 - as in respx
        """Return the answer of the first router that has one."""
        with _errors_of_httpx2():
            return _HTTPX.handler(httpx_request)

    @classmethod
    async def async_handler(cls, httpx_request: httpx.Request) -> Any:  # noqa: ANN401 - as in respx
        """Return the answer of the first router that has one."""
        with _errors_of_httpx2():
            return await _HTTPX.async_handler(httpx_request)

    @classmethod
    def from_sync_httpx_response(
        cls, httpx_response: httpx.Response, target: object, **kwargs: object
    ) -> Any:  # noqa: ANN401 - httpx2 takes the response of httpcore for its own
        """Return the answer as a transport takes it."""
        httpx_response.stream = _Stream(httpx_response.stream)
        return _HTTPX.from_sync_httpx_response(httpx_response, target, **kwargs)


@cache
def _targets() -> list[tuple[Any, str]]:
    """Return each class that sends requests, and the method that does."""
    owners = [resolve_name(target) for target in Httpx2Mocker.targets]
    methods = Httpx2Mocker.target_methods
    return [(owner, name) for owner in owners for name in methods if hasattr(owner, name)]


@lru_cache(16)
def _mocked(method: Any) -> Any:  # noqa: ANN401 - of several types
    return cast("Any", Httpx2Mocker).mock(spec=method)


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - sync and async
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx2():
            yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx2():
            async for piece in self._stream:
                yield piece


@contextmanager
def _errors_of_httpx2() -> Generator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from None
