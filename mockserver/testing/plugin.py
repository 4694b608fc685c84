# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: every test run of a user pays for it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..contract import Contract
    from ..serving.server import ThreadedServer
    from .expectations import Expectations
    from .fixtures import RerankMock

#: The mocks of a test, and what it demands of their clients.
MOCKS = pytest.StashKey["list[tuple[RerankMock, Expectations]]"]()

MARKER = (
    "rerank_mock(fail_on='breach', allow=[], assert_all_met=True, revision=None): what fails the"
    " test when it ends: advice of that severity (remark, mistake, breach, nothing), but for the"
    " ids that are allowed, and a step of an armed scenario that was never met; and the revision of"
    " the contract that the mock keeps, by its name or folder"
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
    parser.addini(
        "rerank_mock_revision",
        "the revision of the contract that mocks keep, by its name or folder",
        default="",
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

    expectations, contract = _options(request)
    with in_process(State(contract=contract)) as mock:
        _watch(request, mock, expectations)
        yield mock


@pytest.fixture
def rerank_server(
    request: pytest.FixtureRequest, _rerank_servers: Callable[[Contract], ThreadedServer]
) -> Iterator[RerankMock]:
    """An account of its own for each test, on a server at a real socket, for any client.

    The server is started once per session; its state, apart from the account, is shared. A test
    fails as with `rerank_mock`.
    """
    from .contexts import at_a_socket

    expectations, contract = _options(request)
    server = _rerank_servers(contract)
    with at_a_socket(server.base_url, server.state) as mock:
        _watch(request, mock, expectations)
        yield mock


@pytest.fixture(scope="session")
def _rerank_servers() -> Iterator[Callable[[Contract], ThreadedServer]]:
    """Start a server for each revision that a test asks for."""
    from ..serving.server import ThreadedServer, listen
    from ..state.store import State

    with ExitStack() as running:

        @cache
        def start(contract: Contract) -> ThreadedServer:
            server = ThreadedServer(State(contract=contract, keys=()), listen())
            return running.enter_context(server)

        yield start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Look at what the clients of a test did, once it is through."""
    nothing: list[tuple[RerankMock, Expectations]] = []
    mocks = item.stash.get(MOCKS, nothing)
    try:
        result = yield
    except BaseException:
        # The failure of the test is told first; a breach may be the cause of it.
        for mock, expectations in mocks:
            if told := expectations.of_calls(mock, _switch):
                item.add_report_section("call", "rerank_mock", told)
        raise
    unkept = [
        check(mock, _switch)
        for mock, expectations in mocks
        for check in (expectations.of_calls, expectations.of_scenarios)
    ]
    if any(unkept):
        pytest.fail("\n\n".join(filter(None, unkept)), pytrace=False)
    return result


def _switch(option: str) -> str:
    return f"@pytest.mark.rerank_mock({option})"


def _watch(request: pytest.FixtureRequest, mock: RerankMock, expectations: Expectations) -> None:
    watched = request.node.stash.setdefault(MOCKS, [])
    watched.append((mock, expectations))


def _options(request: pytest.FixtureRequest) -> tuple[Expectations, Contract]:
    """Read what the project expects, and over it the markers, the nearest last."""
    from ..contract import ContractError, load_contract
    from .expectations import ExpectationError, Expectations

    names = ("fail_on", "allow", "assert_all_met", "revision")
    given = {name: request.config.getini(f"rerank_mock_{name}") for name in names}
    revision = given.pop("revision") or None
    expectations, where = Expectations(), "ini options rerank_mock_..."
    problem = ""
    try:
        expectations = expectations.changed(given)
        for mark in reversed(list(request.node.iter_markers("rerank_mock"))):
            where = "@pytest.mark.rerank_mock"
            if mark.args:
                raise ExpectationError(f"options are given by name: {', '.join(names)}")
            options = dict(mark.kwargs)
            revision = options.pop("revision", revision)
            expectations = expectations.changed(options)
        return expectations, load_contract(revision)
    except (ContractError, ExpectationError) as error:
        problem = f"{where}: {error}"
    # Outside of the except clause: nobody wants to read what this happened during.
    pytest.fail(problem, pytrace=False)
