"""The running mock, as a test uses it."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from ..scenarios.armed import Receipt
from ..scenarios.shorthand import scenario_of
from ..state.accounts import Account, Term
from ..state.clock import Clock
from ..state.pins import Pin, PinError, ScoreFunction, check_order, check_scores, read_pins
from ..state.store import State
from ..validation import likely
from ..wire import Json
from .calls import Calls


@dataclass(slots=True, eq=False)
class RerankMock:
    """A running mock, as one test sees it."""

    #: The base URL for clients, ending in `/v1`.
    base_url: str
    #: A key that it accepts.
    api_key: str = field(repr=False)
    #: Its accounts, models, behaviour, clock and journal.
    state: State = field(repr=False)
    #: The number of exchanges before the test, and the accounts of other tests.
    _before: int = field(default=0, repr=False)
    _others: frozenset[str] = field(default=frozenset(), repr=False)
    #: Undoes what the test has set when the test ends.
    _undo: ExitStack = field(default_factory=ExitStack, repr=False)
    #: The pins of this test, except those of functions and files.
    _pinned: list[Pin] = field(default_factory=list[Pin], repr=False)
    #: The number of exchanges before `calls.reset()`.
    _forgotten: int = field(default=0, repr=False)

    @property
    def calls(self) -> Calls:
        """The exchanges of this test so far, oldest first.

        On a shared server these are all calls since the test began, except those of other tests'
        accounts; a call with an unknown key, or without one, counts as this test's.
        `calls.reset()` begins anew.
        """
        return self._calls(max(self._before, self._forgotten))

    @property
    def all_calls(self) -> Calls:
        """The exchanges of this test, those before `calls.reset()` too: what it is judged by."""
        return self._calls(self._before)

    def _calls(self, after: int) -> Calls:
        since = self.state.journal.query(after=after)
        return Calls(
            (e for e in since if e.account not in self._others),
            self.state.redact,
            self.state.contract.fields,
            self._forget,
        )

    def _forget(self) -> None:
        self._forgotten = self.state.journal.seen

    @property
    def clock(self) -> Clock:
        """The clock of the mock: freeze and advance it instead of waiting."""
        return self.state.clock

    @property
    def account(self) -> Account:
        """The account as it is now."""
        account = self.state.account_of(self.api_key)
        assert account is not None
        return account

    def change_account(self, **terms: Term) -> Account:
        """Change this account: `charged_balance`, `limits`, `standing` and others.

        Raises `AccountError`.
        """
        return self.state.change_account(self.account.name, **terms)

    def add_model(self, name: str, *, like: str, **changes: Json) -> None:
        """Add a model until the test ends; otherwise as `State.add_model`."""
        self.state.add_model(name, like=like, **changes)
        self._undo.callback(self._remove_model, name)

    def _remove_model(self, name: str) -> None:
        if name in self.state.models:  # unless the test has done it
            self.state.remove_model(name)

    def arm(self, scenario: object, *, times: int | None = None) -> Receipt:
        """Arm a scenario for the next rerank requests of this account.

        It is a `Scenario` or its JSON, the name of a ready-made one, the id or the status of an
        error, a `Step`, or a list of these; `times` is the number of requests that its only fault
        affects. Raises `ScenarioError`.
        """
        armed = scenario_of(scenario, self.state.contract, times)
        return self.state.arm(self.account.name, armed)

    @property
    def receipts(self) -> list[Receipt]:
        """The receipts of the scenarios that this test armed, in order."""
        receipts = self.state.receipts()
        return [receipt for receipt in receipts if receipt.account not in self._others]

    def pin_scores(
        self, scores: Mapping[str, float], *, query: str | None = None, model: str | None = None
    ) -> None:
        """Pin the scores of documents, by their text; all others keep their own, maybe higher ones.

        With `query` or `model` the pin applies only to these. The latest pin wins. A test fails if
        none of the documents is in a request that it applies to. Raises `PinError`.
        """
        check_scores(scores)
        self._pin({"scores": dict(scores)}, query, model)

    def pin_order(self, *texts: str, query: str | None = None, model: str | None = None) -> None:
        """Rank the documents with these texts first, in this order; otherwise like `pin_scores`."""
        check_order(texts)
        self._pin({"order": [*texts]}, query, model)

    def pin(self, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Pin scores with a function, or with pins such as `load_pins` returns."""
        self.state.pin(self.account.name, pins)

    def unmatched_pins(self) -> list[tuple[Pin, str]]:
        """Return each pin of `pin_scores` and `pin_order` that matched no request so far, and why.

        Empty if the journal has dropped requests that may have matched.
        """
        journal = self.state.journal
        if not self._pinned or len(journal.query(after=self._before)) < journal.seen - self._before:
            return []
        sent = [call.sent for call in self.all_calls if call.account == self.account.name]
        return [(pin, reason) for pin in self._pinned if (reason := pin.mismatch(sent))]

    def set_environment(
        self, *, base_url: str = "RERANK_BASE_URL", api_key: str = "RERANK_API_KEY"
    ) -> None:
        """Set the environment variables with these names until the test ends."""
        for name, value in ((base_url, self.base_url), (api_key, self.api_key)):
            self._undo.callback(restore_variable, name, os.environ.get(name))
            os.environ[name] = value

    def _pin(self, row: dict[str, Json], query: str | None, model: str | None) -> None:
        for_what = {"query": query, "model": model}
        row |= {name: value for name, value in for_what.items() if value is not None}
        pins = read_pins([row])
        if not pins[0].named:
            raise PinError("at least one document must be pinned")
        if model is not None and model not in self.state.models:
            raise PinError(f"there is no model {model!r}{likely(model, [*self.state.models])}")
        self.pin(pins)
        self._pinned.extend(pins)


def restore_variable(name: str, value: str | None) -> None:
    """Give a variable of the environment the value that it had; None means none."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
