# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: it is loaded in every run of pytest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..contract import Contract
    from ..serving.server import ThreadedServer
    from .expectations import Expectations
    from .fixtures import RerankMock

#: The mocks of a test, and what it expects of their clients.
MOCKS = pytest.StashKey["list[tuple[RerankMock, Expectations]]"]()

MARKER = (
    "rerank_mock(fail_on='breach', allow=[], assert_all_met=True, assert_called=False,"
    " revision=None): options of the fixtures rerank_mock and rerank_server. fail_on: the lowest"
    " severity of advice that fails the test (remark, mistake, breach; nothing never fails);"
    " mistakes that do not fail it are warnings. allow: ids of advice that is ignored."
    " assert_all_met: fail if a step of an armed scenario was never reached, or a pin matched no"
    " request. assert_called: fail if the client never called the mock. revision: the revision of"
    " the contract that the mock implements, a name or a folder."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options."""
    parser.addini(
        "rerank_mock_fail_on",
        "the lowest severity of advice that fails a test: remark, mistake, breach or nothing",
        default="breach",
    )
    parser.addini(
        "rerank_mock_allow", "ids of advice that never fails a test", type="args", default=[]
    )
    parser.addini(
        "rerank_mock_assert_all_met",
        "whether each step of an armed scenario, and each pin, must be used",
        type="bool",
        default=True,
    )
    parser.addini(
        "rerank_mock_assert_called",
        "whether the client of a test must call the mock",
        type="bool",
        default=False,
    )
    parser.addini(
        "rerank_mock_revision",
        "the revision of the contract that the mocks implement: a name or a folder",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def rerank_mock(request: pytest.FixtureRequest) -> Iterator[RerankMock]:
    """A new mock for each test, in this process, for clients that use httpx.

    While the test runs, the mock answers every request to https://api.siliconflow.cn, from sync
    and async clients, without any change to them. Requests to other hosts are not intercepted:
    they go to the test's own respx routers if there are any, and to the network otherwise.

    A test fails if its client breaks the contract, if a step of an armed scenario was never
    reached, or if a pin matched no request; other mistakes are warnings. The marker `rerank_mock`
    changes this.
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
    """A new account for each test, on a server at a real socket, for any client.

    The server is started once per session; everything in it except the account is shared. A test
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
    """Return a function that starts a server for a revision, once."""
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
    """Check what the clients of a test did once it has run."""
    nothing: list[tuple[RerankMock, Expectations]] = []
    mocks = item.stash.get(MOCKS, nothing)
    try:
        result = yield
    except BaseException:
        # The failure of the test is reported first; what its client did may be the cause.
        _report(item, mocks)
        raise
    if problems := [problem for watched in mocks for problem in _problems(item, *watched)]:
        _report(item, mocks)
        pytest.fail("\n\n".join(problems), pytrace=False)
    return result


def _problems(item: pytest.Item, mock: RerankMock, expectations: Expectations) -> list[str]:
    """Return what fails the test; warn about lesser mistakes if nothing does."""
    from .expectations import AdviceWarning, warn

    problems = expectations.failures(mock, _usage)
    if not problems and (mistakes := expectations.warning(mock, _usage)):
        filename, line, _ = item.location
        try:
            warn(mistakes, filename, (line or 0) + 1)
        except AdviceWarning as warning:
            return [str(warning)]
    return problems


def _report(item: pytest.Item, mocks: list[tuple[RerankMock, Expectations]]) -> None:
    """Show all calls in the report of a test that failed."""
    for mock, _ in mocks:
        from .expectations import report

        item.add_report_section("call", "rerank_mock", report(mock))


def _usage(option: str) -> str:
    return f"@pytest.mark.rerank_mock({option})"


def _watch(request: pytest.FixtureRequest, mock: RerankMock, expectations: Expectations) -> None:
    watched = request.node.stash.setdefault(MOCKS, [])
    watched.append((mock, expectations))


def _options(request: pytest.FixtureRequest) -> tuple[Expectations, Contract]:
    """Return the ini options, overridden by the markers; the closest marker wins."""
    from ..contract import ContractError, load_contract
    from .expectations import ExpectationError, Expectations

    names = ("fail_on", "allow", "assert_all_met", "assert_called", "revision")
    given = {name: request.config.getini(f"rerank_mock_{name}") for name in names}
    revision = given.pop("revision") or None
    expectations, where = Expectations(), "ini option rerank_mock_"
    where_revision = "ini option rerank_mock_revision: "
    try:
        expectations = expectations.changed(given)
        for mark in reversed(list(request.node.iter_markers("rerank_mock"))):
            where = "@pytest.mark.rerank_mock: "
            if mark.args:
                raise ExpectationError(f"takes keyword arguments only: {', '.join(names)}")
            options = dict(mark.kwargs)
            if "revision" in options:
                revision, where_revision = options.pop("revision"), f"{where}revision "
                if not isinstance(revision, (str, Path)):
                    raise ExpectationError(f"revision is a name or a folder, not {revision!r}")
            expectations = expectations.changed(options)
        return expectations, load_contract(revision)
    except ContractError as error:
        problem = f"{where_revision}{error}"
    except ExpectationError as error:
        problem = f"{where}{error}"
    # Outside the except clauses, so that pytest does not print the message twice.
    pytest.fail(problem, pytrace=False)
