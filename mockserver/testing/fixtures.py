"""The running mock, as a test uses it."""

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from ..scenarios.armed import Receipt
from ..scenarios.shorthand import scenario_of
from ..state.accounts import Account, Term
from ..state.clock import Clock
from ..state.pins import (
    Pin,
    PinError,
    ScoreFunction,
    check_order,
    check_scores,
    listed,
    read_pins,
)
from ..state.store import State
from ..wire import Json
from .calls import Calls
from .shared import Witness


class Pinned(NamedTuple):
    """Pins of one call; one of them must match a request."""

    pins: tuple[Pin, ...]
    #: Whether there must be a request at all.
    is_awaited: bool


@dataclass(slots=True, eq=False, repr=False)
class RerankMock:
    """A running mock, as one test sees it."""

    #: The base URL for clients, ending in `/v1`.
    base_url: str
    #: A key that it accepts.
    api_key: str
    #: Its accounts, models, behaviour, clock and journal.
    state: State
    #: The number of exchanges before the test, and the accounts of other tests.
    _before: int = field(default=0)
    _others: frozenset[str] = field(default=frozenset())
    #: Undoes what the test has set when the test ends.
    _undo: ExitStack = field(default_factory=ExitStack)
    #: Knows which test did what, if several share the mock.
    witness: Witness = field(default_factory=Witness)
    #: What was pinned, in order, except by functions.
    _pinned: list[Pinned] = field(default_factory=list[Pinned])
    #: The number of exchanges before `calls.reset()`.
    _forgotten: int = field(default=0)
    #: Whether it is on a socket.
    is_served: bool = field(default=False)

    def __repr__(self) -> str:
        return f"RerankMock(base_url={self.base_url!r})"

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
        self._pin_row({"scores": dict(scores)}, query, model)

    def pin_order(self, *texts: str, query: str | None = None, model: str | None = None) -> None:
        """Rank the documents with these texts first, in this order; otherwise like `pin_scores`."""
        check_order(texts)
        self._pin_row({"order": [*texts]}, query, model)

    def pin(self, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Pin scores with a function, or with pins such as `load_pins` returns.

        A test fails if there were requests and none of the pins matched one. Raises `PinError`.
        """
        if callable(pins):
            self.state.pin(self.account.name, pins)
        else:
            self._pin(listed(pins), is_awaited=False)

    def unmatched_pins(self) -> list[tuple[Pin, str]]:
        """Return each pin that matched no request so far, and why.

        Pins of a file are unmatched if there were requests and none of the file's pins matched.
        Empty if the journal has dropped requests that may have matched.
        """
        journal = self.state.journal
        if not self._pinned or len(journal.query(after=self._before)) < journal.seen - self._before:
            return []
        account = self.account.name
        sent = [call.sent for call in self.all_calls if call.account == account]
        left = self.state.pins(account)
        unmatched: list[tuple[Pin, str]] = []
        for number, pinned in enumerate(self._pinned):
            pins = [pin for pin in pinned.pins if pin in left]
            reasons = [pin.mismatch(sent) for pin in pins]
            if all(reasons) and (sent or pinned.is_awaited):
                test = self.witness.test_of("pin", number)
                where = f", pinned in {test}" if test else ""
                unmatched += [
                    (pin, reason + where) for pin, reason in zip(pins, reasons, strict=True)
                ]
        return unmatched

    def set_environment(
        self, *, base_url: str = "RERANK_BASE_URL", api_key: str = "RERANK_API_KEY"
    ) -> None:
        """Set the environment variables with these names until the test ends."""
        for name, value in ((base_url, self.base_url), (api_key, self.api_key)):
            self._undo.callback(restore_variable, name, os.environ.get(name))
            os.environ[name] = value

    def _pin_row(self, row: dict[str, Json], query: str | None, model: str | None) -> None:
        for_what = {"query": query, "model": model}
        row |= {name: value for name, value in for_what.items() if value is not None}
        if not row.get("scores") and not row.get("order"):
            raise PinError("at least one document must be pinned")
        self._pin(read_pins([row]), is_awaited=True)

    def _pin(self, pins: list[Pin], *, is_awaited: bool) -> None:
        self.state.pin(self.account.name, pins)
        self.witness.note("pin", len(self._pinned))
        self._pinned.append(Pinned(tuple(pins), is_awaited))


def restore_variable(name: str, value: str | None) -> None:
    """Give a variable of the environment the value that it had; None means none."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
