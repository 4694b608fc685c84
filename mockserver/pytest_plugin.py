# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: every test run of a user pays for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .fixtures import RerankMock
    from .via_socket import ThreadedServer


@pytest.fixture
def rerank_mock() -> Iterator[RerankMock]:
    """A mock of its own for each test, in this process, for httpx alone.

    While the test runs every request to https://api.siliconflow.cn is answered by the mock, from
    sync and async clients that need no change. Requests to other hosts are not touched: they go to
    the respx routers of the test if there are any, and to the network otherwise.
    """
    from .fixtures import RerankMock
    from .state import DEFAULT_KEY, State
    from .via_respx import BASE_URL, router

    state = State()
    with router(state):
        yield RerankMock(BASE_URL, DEFAULT_KEY, state)


@pytest.fixture
def rerank_server(_rerank_server: ThreadedServer) -> RerankMock:
    """An account of its own for each test, on a server at a real socket, for any client.

    The server is started once per session; its state, apart from the account, is shared.
    """
    from .fixtures import RerankMock

    state = _rerank_server.state
    return RerankMock(_rerank_server.base_url, state.open_account(), state)


@pytest.fixture(scope="session")
def _rerank_server() -> Iterator[ThreadedServer]:
    from .state import State
    from .via_socket import ThreadedServer, listen

    with ThreadedServer(State(keys=()), listen()) as server:
        yield server
