"""What the pytest fixtures hand out."""

from dataclasses import dataclass

from .state import Exchange, State


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
    def calls(self) -> list[Exchange]:
        """The exchanges of this account, oldest first."""
        account = self.state.account_of(self.api_key)
        name = account and account.name
        return [exchange for exchange in self.state.journal.copy() if exchange.account == name]
