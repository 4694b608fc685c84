"""The journal: the recorded exchanges in order, without keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from ..contract import Contract
from ..redaction import KnownKeys
from .entry import Entry, exchange_of, show
from .exchanges import BODY_BYTES, Exchange, Exchanges


class Journal(Sequence[Entry]):
    """The exchanges, oldest first; each is redacted when it is read."""

    def __init__(
        self,
        exchanges: Exchanges,
        contract: Contract,
        is_key: Callable[[str], bool],
        known: KnownKeys,
    ) -> None:
        self._exchanges = exchanges
        self._contract = contract
        self._is_key = is_key
        self._known = known
        #: The most bytes that are kept of a body.
        self.body_bytes = BODY_BYTES
        #: Called with each new entry; must not use the journal.
        self.listener: Callable[[Entry], None] | None = None

    @property
    def seen(self) -> int:
        """How many exchanges there have been in total."""
        return self._exchanges.seen

    def query(
        self,
        *,
        account: str | None = None,
        model: str | None = None,
        outcome: str | None = None,
        after: int = 0,
    ) -> list[Entry]:
        """Return the entries with this account, model and outcome, and a number above `after`.

        None matches all.
        """
        entries = map(self._show, self._exchanges.of(account, after))
        return [
            entry
            for entry in entries
            if model in (None, entry.model) and outcome in (None, entry.outcome)
        ]

    def clear(self, account: str | None = None) -> int:
        """Delete the entries of an account, or all; return how many. Numbering continues."""
        return self._exchanges.forget(account)

    def announce(self, exchange: Exchange) -> None:
        """Call the listener with an exchange that was recorded."""
        if self.listener:
            self.listener(self._show(exchange))

    def snapshot(self) -> Callable[[], dict[str, Any]]:
        """Return what makes JSON of the entries of now; that takes long, and needs no lock."""
        seen, exchanges = self.seen, self._exchanges.of()
        return lambda: {"seen": seen, "entries": [self._show(e).to_json() for e in exchanges]}

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Restore the entries of the snapshot."""
        entries = map(exchange_of, snapshot["entries"])
        self._exchanges.rollback(int(snapshot["seen"]), entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.query())

    def __len__(self) -> int:
        return len(self._exchanges.of())

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        exchanges = self._exchanges.of()
        if isinstance(index, slice):
            return [self._show(exchange) for exchange in exchanges[index]]
        return self._show(exchanges[index])

    def _show(self, exchange: Exchange) -> Entry:
        return show(exchange, self._contract, self._is_key, self._known.spellings)
