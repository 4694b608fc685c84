"""What the pytest fixtures hand out."""

from collections.abc import Iterable
from dataclasses import dataclass

from .accounts import Account, Term
from .clock import Clock
from .entry import Entry
from .pins import Pin, ScoreFunction
from .ready_made import find
from .scenarios import Receipt
from .state import State


@dataclass(frozen=True, slots=True)
class RerankMock:
    """A mock that is running, seen from the account of one test."""

    #: Where clients find it, ending in `/v1`.
    base_url: str
    #: A key that it accepts.
    api_key: str
    #: Its accounts, models, behaviour, clock and journal.
    state: State

    @property
    def calls(self) -> list[Entry]:
        """The exchanges of this account, oldest first."""
        account = self.state.account_of(self.api_key)
        return self.state.journal.query(account=account.name) if account else []

    @property
    def clock(self) -> Clock:
        """The clock of the mock: frozen and advanced, it spares the test all waiting."""
        return self.state.clock

    @property
    def account(self) -> Account:
        """The account as it is now."""
        account = self.state.account_of(self.api_key)
        assert account is not None
        return account

    def change_account(self, **terms: Term) -> Account:
        """Change terms of this account: `charged_balance`, `limits`, `standing` and others.

        Raises `AccountError`.
        """
        return self.state.change_account(self.account.name, **terms)

    def arm(self, scenario: object) -> Receipt:
        """Let the next requests of this account play a scenario.

        It is a `Scenario`, its JSON, the name of a ready-made one, or the id of an error. Raises
        `ScenarioError`.
        """
        return self.state.scenarios.arm(self.account.name, find(scenario))

    def pin(self, pins: ScoreFunction | Iterable[Pin]) -> None:
        """Give documents of this account the scores of the pins, or of a function."""
        self.state.pins.pin(self.account.name, pins)
