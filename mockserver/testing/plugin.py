# ruff: noqa: PLC0415 - imports wait until a fixture is used
"""Fixtures for pytest. This module imports nothing heavy: it is loaded in every run of pytest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..serving.server import ThreadedServer
    from ..state.clock import Clock
    from .expectations import Expectations
    from .fixtures import RerankMock
    from .options import Options, Service


@dataclass
class Watched:
    """A mock of a test, and what the test expects of its clients."""

    mock: RerankMock
    expectations: Expectations
    #: The number of exchanges when the test function had returned; None before that.
    judged: int | None = None


#: The mocks of a test.
MOCKS = pytest.StashKey["list[Watched]"]()

MARKERS = (
    "rerank_mock(fail_on='breach', allow=[], assert_all_met=True, assert_called=False,"
    " hostile=[], seed=0, revision=None, replay=None, unrecorded='refuse', base_url=None,"
    " passthrough=[]): options of rerank_mock and rerank_server. fail_on: the lowest severity of"
    " advice that fails the test (remark, mistake, breach; nothing never fails); mistakes that do"
    " not fail it are warnings. allow: ids of advice that is ignored. assert_all_met: fail if a"
    " step of an armed scenario was never reached, or a pin matched no request. assert_called:"
    " fail if the client never called the mock. hostile: shapes for answers that are legal and"
    " inconvenient, faults for an error before each. seed: what they are drawn from. revision:"
    " that of the contract, a name or a folder. replay: an HTTP archive (HAR) whose answers are"
    " given. unrecorded: refuse or answer what is not in it. base_url: where rerank_mock answers."
    " passthrough: hosts that httpx may reach besides it, or all.",
    "rerank_server(...): the same as rerank_mock.",
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
        "rerank_mock_base_url",
        "where rerank_mock answers; by default at the hosts of the service",
        default="",
    )
    parser.addini(
        "rerank_mock_passthrough",
        "hosts that httpx may reach while rerank_mock answers, or all",
        type="args",
        default=[],
    )
    parser.addini(
        "rerank_mock_seed", "the seed of ids and of hostile answers: an integer", default="0"
    )
    parser.addini("rerank_mock_replay", "an HTTP archive (HAR) whose answers are given", default="")
    parser.addini(
        "rerank_mock_unrecorded",
        "whether to refuse or answer requests that are not in it",
        default="",
    )
    parser.addini(
        "rerank_mock_revision",
        "the revision of the contract that the mocks implement: a name or a folder",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)


@pytest.fixture
def rerank_mock(request: pytest.FixtureRequest) -> Iterator[RerankMock]:
    """A new mock for each test, in this process, for clients that use httpx or httpx2.

    While the test runs, the mock answers every request to https://api.siliconflow.cn and
    https://api.siliconflow.com, from sync and async clients, without any change to them. Requests
    to other hosts are refused, unless a respx router of the test takes them, or the marker names
    their host in `passthrough`.

    A test fails if its client breaks the contract, if a step of an armed scenario was never
    reached, or if a pin matched no request; other mistakes are warnings. What the client does while
    fixtures that use this one are torn down is an error of the test. The marker `rerank_mock`
    changes this.
    """
    from ..state.store import State
    from .contexts import in_process

    options = _options(request)
    state = State(**options.service._asdict())
    with (
        in_process(state, options.base_url, options.passthrough) as mock,
        _watched(request.node, mock, options.expectations),
    ):
        yield mock


@pytest.fixture
def rerank_server(
    request: pytest.FixtureRequest, _rerank_servers: Callable[[Service], ThreadedServer]
) -> Iterator[RerankMock]:
    """A new account for each test, on a server at a real socket, for any client.

    The server is started once per session; everything in it except the account is shared. Its
    clock is as before when a test ends. A test fails as with `rerank_mock`.
    """
    from .contexts import at_a_socket

    options = _options(request)
    server = _rerank_servers(options.service)
    with (
        _restored(server.state.clock),
        at_a_socket(server.base_url, server.state) as mock,
        _watched(request.node, mock, options.expectations),
    ):
        yield mock


@contextmanager
def _restored(clock: Clock) -> Generator[None]:
    """Let a test freeze or advance a clock that others share."""
    before = clock.snapshot()
    try:
        yield
    finally:
        clock.rollback(before)


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
    nothing: list[Watched] = []
    mocks = item.stash.get(MOCKS, nothing)
    try:
        result = yield
    except BaseException:
        # The failure of the test is reported first; what its client did may be the cause.
        from .expectations import report_of_failure

        for watched in mocks:
            _show(item, report_of_failure(watched.mock, _usage))
        raise
    finally:
        for watched in mocks:
            watched.judged = watched.mock.state.journal.seen
    if problems := [problem for watched in mocks for problem in _problems(item, watched)]:
        from .expectations import report

        for watched in mocks:
            _show(item, report(watched.mock, _usage))
        pytest.fail("\n\n".join(problems), pytrace=False)
    return result


@contextmanager
def _watched(item: pytest.Item, mock: RerankMock, expectations: Expectations) -> Generator[None]:
    """Let a test be checked for its client, and then what is called while it is torn down."""
    watched = Watched(mock, expectations)
    item.stash.setdefault(MOCKS, []).append(watched)
    yield
    if watched.judged is None:
        return
    late = expectations.of_calls(mock, _usage, watched.judged)
    if problem := late or _warn(item, watched, watched.judged):
        pytest.fail(f"after the test, {problem}", pytrace=False)


def _problems(item: pytest.Item, watched: Watched) -> list[str]:
    """Return what fails the test; warn about lesser mistakes if nothing does."""
    problems = watched.expectations.failures(watched.mock, _usage)
    if not problems and (warning := _warn(item, watched)):
        return [warning]
    return problems


def _warn(item: pytest.Item, watched: Watched, after: int = 0) -> str:
    """Warn about mistakes that do not fail the test; return the warning where it is an error."""
    from .expectations import AdviceWarning, warn

    if mistakes := watched.expectations.warning(watched.mock, _usage, after):
        filename, line, _ = item.location
        try:
            warn(mistakes, filename, (line or 0) + 1)
        except AdviceWarning as warning:
            return str(warning)
    return ""


def _show(item: pytest.Item, calls: str) -> None:
    """Show all calls in the report of a test that failed."""
    if calls:
        item.add_report_section("call", "rerank_mock", calls)


def _usage(option: str) -> str:
    return f"@pytest.mark.rerank_mock({option})"


def _options(request: pytest.FixtureRequest) -> Options:
    from .options import read_options

    try:
        return read_options(request.node)
    except ValueError as error:
        problem = str(error)
    # Outside the except clause, so that pytest does not print the message twice.
    pytest.fail(problem, pytrace=False)
