"""What the pytest fixtures hand out."""

from dataclasses import dataclass

from .entry import Entry
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
