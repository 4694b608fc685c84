# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: every test run of a user pays for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..serving.server import ThreadedServer
    from .expectations import Expectations
    from .fixtures import RerankMock

#: The mocks of a test, and what it demands of their clients.
MOCKS = pytest.StashKey["list[tuple[RerankMock, Expectations]]"]()

MARKER = (
    "rerank_mock(fail_on='breach', allow=[], assert_all_met=True): what fails the test when it"
    " ends: advice of that severity (remark, mistake, breach, nothing), but for the ids that are"
    " allowed; and a step of a scenario that was armed and never met"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare what a project may demand of all its clients."""
    parser.addini("rerank_mock_fail_on", "the mildest advice that fails a test", default="breach")
    parser.addini("rerank_mock_allow", "ids of advice that never does", type="args", default=[])
    parser.addini(
        "rerank_mock_assert_all_met",
        "whether each step of an armed scenario must be met",
        type="bool",
        default=True,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def rerank_mock(request: pytest.FixtureRequest) -> Iterator[RerankMock]:
    """A mock of its own for each test, in this process, for httpx alone.

    While the test runs every request to https://api.siliconflow.cn is answered by the mock, from
    sync and async clients that need no change. Requests to other hosts are not touched: they go to
    the respx routers of the test if there are any, and to the network otherwise.

    A test fails if its client breaks the contract, or never meets a step of a scenario that was
    armed; the marker `rerank_mock` says otherwise.
    """
    from ..state.store import State
    from .contexts import in_process

    with in_process(State()) as mock:
        _watch(request, mock)
        yield mock


@pytest.fixture
def rerank_server(
    request: pytest.FixtureRequest, _rerank_server: ThreadedServer
) -> Iterator[RerankMock]:
    """An account of its own for each test, on a server at a real socket, for any client.

    The server is started once per session; its state, apart from the account, is shared. A test
    fails as with `rerank_mock`.
    """
    from .contexts import at_a_socket

    with at_a_socket(_rerank_server.base_url, _rerank_server.state) as mock:
        _watch(request, mock)
        yield mock


@pytest.fixture(scope="session")
def _rerank_server() -> Iterator[ThreadedServer]:
    from ..serving.server import ThreadedServer, listen
    from ..state.store import State

    with ThreadedServer(State(keys=()), listen()) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what the clients of a test did, once it is through."""
    nothing: list[tuple[RerankMock, Expectations]] = []
    mocks = item.stash.get(MOCKS, nothing)
    try:
        result = yield
    except BaseException:
        # The failure of the test is told first; a breach may be the cause of it.
        for mock, demands in mocks:
            if told := demands.of_calls(mock, _switch):
                item.add_report_section("call", "rerank_mock", told)
        raise
    unkept = [
        check(mock, _switch)
        for mock, demands in mocks
        for check in (demands.of_calls, demands.of_scenarios)
    ]
    if any(unkept):
        pytest.fail("\n\n".join(filter(None, unkept)), pytrace=False)
    return result


def _switch(option: str) -> str:
    return f"@pytest.mark.rerank_mock({option})"


def _watch(request: pytest.FixtureRequest, mock: RerankMock) -> None:
    watched = request.node.stash.setdefault(MOCKS, [])
    watched.append((mock, _demands(request)))


def _demands(request: pytest.FixtureRequest) -> Expectations:
    """Read what the project demands, and over it the markers, the nearest last."""
    from .expectations import ExpectationError, Expectations

    demands, where = Expectations(), "an ini option rerank_mock_..."
    names = ("fail_on", "allow", "assert_all_met")
    given = {name: request.config.getini(f"rerank_mock_{name}") for name in names}
    try:
        demands = demands.changed(given)
        where = "@pytest.mark.rerank_mock"
        for mark in reversed(list(request.node.iter_markers("rerank_mock"))):
            if mark.args:
                raise ExpectationError(f"options are given by name: {', '.join(names)}")
            demands = demands.changed(mark.kwargs)
    except ExpectationError as error:
        pytest.fail(f"{where}: {error}", pytrace=False)
    return demands
