"""Which test did what, where several tests share a mock."""

import os
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from ..scenarios.armed import Receipt
from ..scenarios.scenario import Scenario
from ..state.exchanges import ENTRIES, Exchange, Past
from ..state.store import State

#: What a test does with a mock. Calls and scenarios have the numbers of the state.
Deed: TypeAlias = Literal["call", "scenario", "pin"]


def current_test() -> str:
    """Return the test that runs, such as `test_a.py::test_b`; an empty text without pytest."""
    test, _, _phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
    return test


class Witness:
    """Remembers which test did what; of calls no more than the journal has."""

    def __init__(self, current_test: Callable[[], str] = current_test) -> None:
        self._current_test = current_test
        self._tests: set[str] = set()
        self._seen: dict[tuple[Deed, int], str] = {}

    def note(self, deed: Deed, number: int) -> None:
        """Note that the test that runs did it."""
        test = self._current_test()
        self._tests.add(test)
        self._seen[deed, number] = test
        self._seen.pop((deed, number - ENTRIES), None)

    def test_of(self, deed: Deed, number: int) -> str:
        """Return the test that did it; an empty text if only one test did anything."""
        is_shared = len({self._current_test(), *self._tests} - {""}) > 1
        return self._seen.get((deed, number), "") if is_shared else ""


class SharedState(State):
    """A state for several tests."""

    def __init__(self, witness: Witness | None = None, **options: Any) -> None:  # noqa: ANN401 - those of `State`
        super().__init__(**options)
        self.witness = witness or Witness()

    def record(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it; return what its caller did before."""
        past = super().record(exchange)
        self.witness.note("call", exchange.number)
        return past

    def arm(self, account: str, scenario: Scenario) -> Receipt:
        """Arm a scenario for the rerank requests of an account, after those armed before."""
        receipt = super().arm(account, scenario)
        self.witness.note("scenario", receipt.number)
        return receipt


def witness_of(state: State) -> Witness:
    """Return the witness of a state; that of a state for one test has seen nothing."""
    return state.witness if isinstance(state, SharedState) else Witness()
