# ruff: noqa: PLC0415 - httpx clients need no server, the others need no respx
"""The mock for tests without fixtures: unittest, scripts, a REPL.

    with mock_rerank() as mock:         in this process, for clients that use httpx or httpx2
    with serve_rerank() as mock:        on a socket, for any client

Both also work with `async with`, as decorators, which pass the mock as the first argument after
`self`, of functions and of the tests of a class, and by `start()` and `stop()`.
"""

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, overload
from urllib.parse import urlsplit

from ..behaviour import Behaviour, load_behaviour
from ..contract import Contract, load_contract
from ..scenarios.hostile import Hostile, read_hostile
from ..state.recordings import Unrecorded, load_recordings, read_unrecorded
from ..state.store import DEFAULT_KEY, State
from .expectations import (
    Expectations,
    FailOn,
    check_base_url,
    check_passthrough,
    read_seed,
    report,
    report_of_failure,
    warn,
)
from .fixtures import RerankMock, restore_variable
from .shared import SharedState, witness_of

Self = TypeVar("Self")
Rest = ParamSpec("Rest")
Returned = TypeVar("Returned")
Decorated = TypeVar("Decorated")

#: What the names of tests start with, in a class that is decorated.
_TEST = "test"


class MockedRerank:
    """A context manager and decorator; each use gets a new mock."""

    def __init__(self, run: Callable[[], AbstractContextManager[RerankMock]]) -> None:
        self._run = run
        self._running: list[AbstractContextManager[RerankMock]] = []

    def __enter__(self) -> RerankMock:
        run = self._run()
        mock = run.__enter__()
        self._running.append(run)
        return mock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.pop().__exit__(kind, error, traceback)

    async def __aenter__(self) -> RerankMock:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def start(self) -> RerankMock:
        """Start a mock, as `with` does."""
        return self.__enter__()

    def stop(self) -> None:
        """Stop the mock that was started last, and check what its client did."""
        if not self._running:
            raise RuntimeError("stop() without start()")
        self.__exit__(None, None, None)

    @overload
    def __call__(self, function: type[Decorated]) -> type[Decorated]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[RerankMock, Rest], Returned]
    ) -> Callable[Rest, Returned]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Self, RerankMock, Rest], Returned]
    ) -> Callable[Concatenate[Self, Rest], Returned]: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Pass a mock to the function, sync or async, as its first argument after `self`.

        Of a class, the methods are decorated whose names start with `test`.
        """
        if inspect.isclass(function):
            return self._decorate(function)
        place = _place(function)
        if inspect.iscoroutinefunction(function):
            asynchronous = cast("Callable[..., Awaitable[Any]]", function)

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
                with self._run() as mock:
                    return await asynchronous(*args[:place], mock, *args[place:], **kwargs)

            return _without_mock(awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
            with self._run() as mock:
                return function(*args[:place], mock, *args[place:], **kwargs)

        return _without_mock(called)

    def _decorate(self, tests: type[Decorated]) -> type[Decorated]:
        for name in dir(tests):
            method: Any = getattr(tests, name)
            if name.startswith(_TEST) and inspect.isfunction(method):
                setattr(tests, name, self(method))
        return tests


def mock_rerank(
    function: Callable[..., Any] | None = None,
    /,
    *,
    behaviour: Behaviour | str = "observed",
    revision: str | Path | None = None,
    fail_on: FailOn = "breach",
    allow: Collection[str] = (),
    assert_all_met: bool = True,
    assert_called: bool = False,
    hostile: Hostile | Collection[Hostile] = (),
    seed: int = 0,
    replay: str | Path | None = None,
    unrecorded: Unrecorded = "refuse",
    base_url: str | None = None,
    passthrough: str | Collection[str] = (),
) -> MockedRerank:
    """Answer httpx in this process, at the hosts of the service or at another `base_url`.

    Requests to other hosts raise `NotMockedError`, except for this machine, the hosts in
    `passthrough` (`all` means every host), and routes of respx that take them.

    `behaviour` is the name of a preset, a file, or a `Behaviour`; `revision` is the name of a
    revision of the contract, or a folder that holds one; by default the newest. `hostile` is
    `shapes` for answers that are legal and inconvenient, `faults` for an error before each, or
    both; they are drawn from `seed`. `replay` is an HTTP archive (HAR) whose answers are given;
    `unrecorded` says whether to `refuse` or to `answer` what is not in it.

    On exit it raises `AssertionError` if there is advice for the client that is at least as severe
    as `fail_on` (`remark`, `mistake`, `breach`; `nothing` never fails) and not in `allow`, or,
    unless `assert_all_met` is false, if a step of an armed scenario was never reached or a pin
    matched no request, or, with `assert_called`, if there was no call. Mistakes that do not fail
    are an `AdviceWarning`. Invalid options raise `ExpectationError`, `BehaviourError`,
    `ContractError`, `HostileError` or `RecordingError` at once.

    `@mock_rerank` without options decorates as `@mock_rerank()` does.
    """
    expectations = _expectations(
        fail_on, allow, assert_all_met=assert_all_met, assert_called=assert_called
    )
    contract = load_contract(revision)
    how = _behaviour(behaviour, contract)
    ways = read_hostile(hostile)
    seed = read_seed(seed)
    recordings = None if replay is None else load_recordings(replay, contract)
    unrecorded = read_unrecorded(unrecorded)
    if base_url is not None:
        check_base_url(base_url)
    check_passthrough(passthrough)

    @contextmanager
    def run() -> Generator[RerankMock, None, None]:
        state = SharedState(
            contract=contract,
            behaviour=how,
            hostile=ways,
            seed=seed,
            recordings=recordings,
            unrecorded=unrecorded,
        )
        with (
            in_process(state, base_url, passthrough) as mock,
            _checked(mock, expectations, "mock_rerank({})"),
        ):
            yield mock

    return _decorated(MockedRerank(run), function)


def serve_rerank(
    function: Callable[..., Any] | None = None,
    /,
    *,
    behaviour: Behaviour | str = "observed",
    revision: str | Path | None = None,
    fail_on: FailOn = "breach",
    allow: Collection[str] = (),
    assert_all_met: bool = True,
    assert_called: bool = False,
    hostile: Hostile | Collection[Hostile] = (),
    seed: int = 0,
    replay: str | Path | None = None,
    unrecorded: Unrecorded = "refuse",
) -> MockedRerank:
    """Serve a mock on a free loopback port, in a thread; otherwise like `mock_rerank`.

    It intercepts nothing.
    """
    expectations = _expectations(
        fail_on, allow, assert_all_met=assert_all_met, assert_called=assert_called
    )
    contract = load_contract(revision)
    how = _behaviour(behaviour, contract)
    ways = read_hostile(hostile)
    seed = read_seed(seed)
    recordings = None if replay is None else load_recordings(replay, contract)
    unrecorded = read_unrecorded(unrecorded)

    @contextmanager
    def run() -> Generator[RerankMock, None, None]:
        from ..serving.server import ThreadedServer, listen

        state = SharedState(
            contract=contract,
            behaviour=how,
            keys=(),
            hostile=ways,
            seed=seed,
            recordings=recordings,
            unrecorded=unrecorded,
        )
        with (
            ThreadedServer(state, listen()) as server,
            at_a_socket(server.base_url, state) as mock,
            _checked(mock, expectations, "serve_rerank({})"),
        ):
            yield mock

    return _decorated(MockedRerank(run), function)


@contextmanager
def in_process(
    state: State, base_url: str | None = None, passthrough: str | Collection[str] = ()
) -> Generator[RerankMock, None, None]:
    """Answer httpx from `state`, without checking what the client did."""
    from ..serving.respx_router import BASE_URLS, router

    _keep_whole_bodies(state)
    base_urls = BASE_URLS if base_url is None else (base_url,)
    with ExitStack() as undo, router(state, base_urls, passthrough):
        yield RerankMock(base_urls[0], DEFAULT_KEY, state, _undo=undo, witness=witness_of(state))


@contextmanager
def at_a_socket(base_url: str, state: State) -> Generator[RerankMock, None, None]:
    """Open an account at the server that runs there, without checking what the client did."""
    _keep_whole_bodies(state)
    before, others = state.journal.seen, frozenset(state.accounts)
    with ExitStack() as undo:
        # A proxy of the developer's is for what is not on this machine.
        for name in ("NO_PROXY", "no_proxy"):
            kept = os.environ.get(name)
            undo.callback(restore_variable, name, kept)
            host = urlsplit(base_url).hostname
            os.environ[name] = ",".join(filter(None, (kept, host)))
        yield RerankMock(
            base_url,
            state.open_account(),
            state,
            _before=before,
            _others=others,
            _undo=undo,
            witness=witness_of(state),
            is_served=True,
        )


@contextmanager
def _checked(
    mock: RerankMock, expectations: Expectations, usage: str
) -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:
        _add_note(error, report_of_failure(mock, usage.format))
        raise
    if problems := expectations.failures(mock, usage.format):
        failure = AssertionError("\n\n".join(problems))
        _add_note(failure, report(mock, usage.format))
        raise failure
    if mistakes := expectations.warning(mock, usage.format):
        warn(mistakes, *_caller())


def _add_note(error: Exception, note: str) -> None:
    if note and sys.version_info >= (3, 11):
        error.add_note(note)


def _caller() -> tuple[str, int]:
    """Return file and line of the code that uses the mock: below this module and contextlib."""
    frame = inspect.currentframe()
    while frame and frame.f_back and frame.f_code.co_filename in (__file__, contextlib.__file__):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)


def _keep_whole_bodies(state: State) -> None:
    # Tests look at whole documents; only the journal of a server that runs for weeks is cut.
    state.journal.body_bytes = state.behaviour.max_body_bytes


def _expectations(
    fail_on: FailOn, allow: Collection[str], *, assert_all_met: bool, assert_called: bool
) -> Expectations:
    options = {
        "fail_on": fail_on,
        "allow": allow,
        "assert_all_met": assert_all_met,
        "assert_called": assert_called,
    }
    return Expectations().changed(options)


def _behaviour(behaviour: Behaviour | str, contract: Contract) -> Behaviour:
    return load_behaviour(behaviour, contract) if isinstance(behaviour, str) else behaviour


def _decorated(mocked: MockedRerank, function: Callable[..., Any] | None) -> MockedRerank:
    if function is not None and not callable(function):
        raise TypeError(f"expected a function to decorate, or options by name, not {function!r}")
    return mocked if function is None else cast("MockedRerank", mocked(function))


def _place(function: Callable[..., Any]) -> int:
    """Return the position of the parameter that takes the mock."""
    names = list(inspect.signature(function).parameters)
    place = int(names[:1] in (["self"], ["cls"]))
    if len(names) <= place:
        raise TypeError(f"{function.__name__} has no parameter to take the mock")
    return place


def _without_mock(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hide the parameter that takes the mock: pytest would look for a fixture of that name."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    del parameters[_place(function)]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
