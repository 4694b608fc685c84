# ruff: noqa: PLC0415 - httpx clients need no server, and the others no respx
"""The mock for tests without fixtures: unittest, scripts, a REPL.

    with mock_rerank() as mock:         in this process, for httpx alone
    with serve_rerank() as mock:        at a socket, for any client

Each is a decorator too, which hands the mock over as the first argument after `self`.
"""

import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar, cast, overload

from ..behaviour import Behaviour, load_behaviour
from ..contract import Contract, load_contract
from ..state.store import DEFAULT_KEY, State
from .expectations import Expectations, FailOn
from .fixtures import RerankMock

Self = TypeVar("Self")
Rest = ParamSpec("Rest")
Returned = TypeVar("Returned")


class MockedRerank:
    """A context manager and decorator; each entry and each call has a new mock."""

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

    @overload
    def __call__(
        self, function: Callable[Concatenate[RerankMock, Rest], Returned]
    ) -> Callable[Rest, Returned]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Self, RerankMock, Rest], Returned]
    ) -> Callable[Concatenate[Self, Rest], Returned]: ...
    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let the function, sync or async, have a mock as its first argument after `self`."""
        if inspect.isclass(function):
            raise TypeError("decorate the functions of a class, each by itself")
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


def mock_rerank(
    *,
    behaviour: Behaviour | str = "observed",
    revision: str | Path | None = None,
    fail_on: FailOn = "breach",
    allow: Collection[str] = (),
    assert_all_met: bool = True,
    seed: int = 0,
) -> MockedRerank:
    """Answer httpx in this process, at `https://api.siliconflow.cn/v1`.

    `behaviour` is a preset's name, a file, or a `Behaviour`; `revision` is the name of a revision
    of the contract, or a folder that holds one: the newest if it is not given.

    At the end it raises `AssertionError` if the client was given advice that is at least as severe
    as `fail_on` (`remark`, `mistake`, `breach`; `nothing` never fails) and that `allow` does not
    name; or, unless `assert_all_met` is false, if a step of an armed scenario was never met.
    Raises `ExpectationError`, `BehaviourError` and `ContractError` at once.
    """
    demands = _demands(fail_on, allow, assert_all_met=assert_all_met)
    contract = load_contract(revision)
    how = _behaviour(behaviour, contract)

    @contextmanager
    def run() -> Generator[RerankMock, None, None]:
        state = State(contract=contract, behaviour=how, seed=seed)
        with in_process(state) as mock, _judged(mock, demands, "mock_rerank({})"):
            yield mock

    return MockedRerank(run)


def serve_rerank(
    *,
    behaviour: Behaviour | str = "observed",
    revision: str | Path | None = None,
    fail_on: FailOn = "breach",
    allow: Collection[str] = (),
    assert_all_met: bool = True,
    seed: int = 0,
) -> MockedRerank:
    """Serve a mock at a free port of the loopback, in a thread; otherwise as `mock_rerank`."""
    demands = _demands(fail_on, allow, assert_all_met=assert_all_met)
    contract = load_contract(revision)
    how = _behaviour(behaviour, contract)

    @contextmanager
    def run() -> Generator[RerankMock, None, None]:
        from ..serving.server import ThreadedServer, listen

        state = State(contract=contract, behaviour=how, keys=(), seed=seed)
        with (
            ThreadedServer(state, listen()) as server,
            at_a_socket(server.base_url, state) as mock,
            _judged(mock, demands, "serve_rerank({})"),
        ):
            yield mock

    return MockedRerank(run)


@contextmanager
def in_process(state: State) -> Generator[RerankMock, None, None]:
    """Answer httpx from a new `state`, without looking at what the client did."""
    from ..serving.respx_router import BASE_URL, router

    _keep_whole_bodies(state)
    with ExitStack() as undo, router(state):
        yield RerankMock(BASE_URL, DEFAULT_KEY, state, _undo=undo)


@contextmanager
def at_a_socket(base_url: str, state: State) -> Generator[RerankMock, None, None]:
    """Open an account at a server that runs there, without looking at what the client did."""
    _keep_whole_bodies(state)
    before, others = state.journal.seen, frozenset(state.accounts)
    with ExitStack() as undo:
        yield RerankMock(base_url, state.open_account(), state, before, others, undo)


@contextmanager
def _judged(mock: RerankMock, demands: Expectations, switch: str) -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:
        told = demands.of_calls(mock, switch.format)
        if told and sys.version_info >= (3, 11):
            error.add_note(told)
        raise
    unkept = demands.of_calls(mock, switch.format), demands.of_scenarios(mock, switch.format)
    if any(unkept):
        raise AssertionError("\n\n".join(filter(None, unkept)))


def _keep_whole_bodies(state: State) -> None:
    # A test asks for the documents that were sent, and a journal that is kept for weeks does not.
    state.journal.body_bytes = state.behaviour.max_body_bytes


def _demands(fail_on: FailOn, allow: Collection[str], *, assert_all_met: bool) -> Expectations:
    options = {"fail_on": fail_on, "allow": allow, "assert_all_met": assert_all_met}
    return Expectations().changed(options)


def _behaviour(behaviour: Behaviour | str, contract: Contract) -> Behaviour:
    return load_behaviour(behaviour, contract) if isinstance(behaviour, str) else behaviour


def _place(function: Callable[..., Any]) -> int:
    """Return the position of the parameter for the mock."""
    names = list(inspect.signature(function).parameters)
    place = int(names[:1] in (["self"], ["cls"]))
    if len(names) <= place:
        raise TypeError(f"{function.__name__} has no parameter for the mock")
    return place


def _without_mock(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hide the parameter for the mock: pytest would look for a fixture of its name."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    del parameters[_place(function)]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
