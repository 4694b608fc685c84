"""The journal as it is read: every exchange that is remembered, in order and without keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from ..contract import Contract
from .entry import Entry, exchange_of, show
from .exchanges import BODY_BYTES, Exchange, Exchanges


class Journal(Sequence[Entry]):
    """The exchanges, oldest first; each is made readable when it is read."""

    def __init__(
        self, exchanges: Exchanges, contract: Contract, is_key: Callable[[str], bool]
    ) -> None:
        self._exchanges = exchanges
        self._contract = contract
        self._is_key = is_key
        #: The most bytes that are kept of a body.
        self.body_bytes = BODY_BYTES
        #: Is told of each entry once it is in; must not call back.
        self.listener: Callable[[Entry], None] | None = None

    @property
    def seen(self) -> int:
        """How many exchanges there ever were."""
        return self._exchanges.seen

    def query(
        self,
        *,
        account: str | None = None,
        model: str | None = None,
        outcome: str | None = None,
        after: int = 0,
    ) -> list[Entry]:
        """Return the entries of that account, model and outcome, with a number beyond `after`.

        None stands for all of them.
        """
        entries = map(self._show, self._exchanges.of(account, after))
        return [
            entry
            for entry in entries
            if model in (None, entry.model) and outcome in (None, entry.outcome)
        ]

    def clear(self, account: str | None = None) -> int:
        """Forget the entries of an account, or all; return how many. Numbers go on."""
        return self._exchanges.forget(account)

    def announce(self, exchange: Exchange) -> None:
        """Tell the listener of an exchange that is in."""
        if self.listener:
            self.listener(self._show(exchange))

    def snapshot(self) -> dict[str, Any]:
        """Return the entries as JSON."""
        return {"seen": self.seen, "entries": [entry.to_json() for entry in self.query()]}

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Have the entries of the snapshot, and no others."""
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
        return show(exchange, self._contract, self._is_key)
