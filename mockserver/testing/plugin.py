# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: it is loaded in every run of pytest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from ..contract import Contract
    from ..scenarios.hostile import Hostile
    from ..serving.server import ThreadedServer
    from .expectations import Expectations
    from .fixtures import RerankMock


class Service(NamedTuple):
    """What a mock is started with."""

    contract: Contract
    hostile: frozenset[Hostile]
    seed: int


#: The mocks of a test, and what it expects of their clients.
MOCKS = pytest.StashKey["list[tuple[RerankMock, Expectations]]"]()

MARKER = (
    "rerank_mock(fail_on='breach', allow=[], assert_all_met=True, assert_called=False, hostile=[],"
    " seed=0, revision=None): options of the fixtures rerank_mock and rerank_server. fail_on: the"
    " lowest severity of advice that fails the test (remark, mistake, breach; nothing never fails);"
    " mistakes that do not fail it are warnings. allow: ids of advice that is ignored."
    " assert_all_met: fail if a step of an armed scenario was never reached, or a pin matched no"
    " request. assert_called: fail if the client never called the mock. hostile: shapes for answers"
    " that are legal and inconvenient, faults for an error before each. seed: what they are drawn"
    " from. revision: the revision of the contract that the mock implements, a name or a folder."
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
        "rerank_mock_hostile",
        "legal and inconvenient answers: shapes, faults, or both",
        type="args",
        default=[],
    )
    parser.addini(
        "rerank_mock_seed", "the seed of ids and of hostile answers: an integer", default="0"
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

    expectations, service = _options(request)
    with in_process(State(**service._asdict())) as mock:
        _watch(request, mock, expectations)
        yield mock


@pytest.fixture
def rerank_server(
    request: pytest.FixtureRequest, _rerank_servers: Callable[[Service], ThreadedServer]
) -> Iterator[RerankMock]:
    """A new account for each test, on a server at a real socket, for any client.

    The server is started once per session; everything in it except the account is shared. A test
    fails as with `rerank_mock`.
    """
    from .contexts import at_a_socket

    expectations, service = _options(request)
    server = _rerank_servers(service)
    with at_a_socket(server.base_url, server.state) as mock:
        _watch(request, mock, expectations)
        yield mock


@pytest.fixture(scope="session")
def _rerank_servers() -> Iterator[Callable[[Service], ThreadedServer]]:
    """Return a function that starts a server of each kind, once."""
    from ..serving.server import ThreadedServer, listen
    from ..state.store import State

    with ExitStack() as running:

        @cache
        def start(service: Service) -> ThreadedServer:
            server = ThreadedServer(State(**service._asdict(), keys=()), listen())
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

        item.add_report_section("call", "rerank_mock", report(mock, _usage))


def _usage(option: str) -> str:
    return f"@pytest.mark.rerank_mock({option})"


def _watch(request: pytest.FixtureRequest, mock: RerankMock, expectations: Expectations) -> None:
    watched = request.node.stash.setdefault(MOCKS, [])
    watched.append((mock, expectations))


def _options(request: pytest.FixtureRequest) -> tuple[Expectations, Service]:
    """Return the ini options, overridden by the markers; the closest marker wins."""
    from ..contract import ContractError, load_contract
    from ..scenarios.hostile import HostileError, read_hostile
    from .expectations import ExpectationError, Expectations

    names = ("fail_on", "allow", "assert_all_met", "assert_called", "hostile", "seed", "revision")
    given = {name: request.config.getini(f"rerank_mock_{name}") for name in names}
    revision = given.pop("revision") or None
    hostile, seed = given.pop("hostile"), given.pop("seed")
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
            hostile, seed = options.pop("hostile", hostile), options.pop("seed", seed)
            expectations = expectations.changed(options)
        if not str(seed).removeprefix("-").isdecimal():
            raise ExpectationError(f"seed must be an integer, not {seed!r}")
        return expectations, Service(load_contract(revision), read_hostile(hostile), int(seed))
    except ContractError as error:
        problem = f"{where_revision}{error}"
    except (ExpectationError, HostileError) as error:
        problem = f"{where}{error}"
    # Outside the except clauses, so that pytest does not print the message twice.
    pytest.fail(problem, pytrace=False)
