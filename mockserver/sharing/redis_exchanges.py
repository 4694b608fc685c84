"""The recorded exchanges in Redis: without keys, and bounded as in `state/exchanges.py`."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson

from ..state import exchanges as bounds
from ..state.entry import Entry, exchange_of
from ..state.exchanges import Exchange, Exchanges, Past
from ..wire import Delivery, Request, Response, Usage
from .connection import LIVE, OF_EXCHANGES, Connection

#: The headers of an answer that later advice depends on.
_HEADERS = ("location", "retry-after")


class RedisExchanges(Exchanges):
    """The exchanges of all mocks that share the state. Each method is atomic."""

    def __init__(self, connection: Connection, show: Callable[[Exchange], Entry]) -> None:
        super().__init__()
        self._connection = connection
        self._show = show
        #: The number of exchanges, and what is kept of each, that a rollback has yet to share.
        self.restored: tuple[int, list[tuple[int, str, bytes, int]]] = 0, []

    @property
    def seen(self) -> int:
        """How many there have been in total."""
        return int(self._connection.call("get", self._key("seen")) or 0)

    def add(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it, without keys; return what its caller did before."""
        entry = self._show(exchange)
        connection, own = self._connection, self._connection.begins(exchange.account)
        number, last, same = connection.run(
            "record",
            [
                *map(self._key, OF_EXCHANGES),
                *(own + name for name in ("entries", "order", "before")),
            ],
            [
                LIVE,
                own,
                _kept(entry),
                _marked(exchange.caller),
                _marked(exchange.asked),
                _summary(exchange, entry),
                exchange.size,
                *(bounds.ENTRIES_PER_ACCOUNT, bounds.BYTES_PER_ACCOUNT),
                *(bounds.ENTRIES, bounds.BYTES),
            ],
        )
        exchange.number = int(number)
        return Past(_past(last), _past(same))

    def correct(self, exchange: Exchange) -> None:
        """Keep what has changed of an exchange, unless it was dropped meanwhile."""
        own, number = self._connection.begins(exchange.account), exchange.number
        place = f"{number} {_marked(exchange.caller)} {_marked(exchange.asked)} "
        entry = _kept(self._show(exchange))
        self._connection.run("correct", [f"{own}entries", f"{own}order"], [number, place, entry])

    def of(self, account: str | None = None, after: int = 0) -> list[Exchange]:
        """Return the exchanges of an account, or all, with a number greater than `after`."""
        own = "" if account is None else self._connection.begins(account)
        found = self._connection.run("entries", [self._key("exchanges")], [after, own])
        pairs = zip(found[::2], found[1::2], strict=True)
        return [_exchange(int(number), row) for number, row in pairs]

    def forgive(self) -> None:
        """Take no later request for a retry of one so far: it may have another answer now."""
        self._connection.call("set", self._key("forgiven"), self.seen, ex=LIVE)

    def forget(self, account: str | None = None) -> int:
        """Delete the exchanges of an account, or all; return how many. Numbering continues."""
        own = "" if account is None else self._connection.begins(account)
        keys = [self._key(name) for name in ("exchanges", "bytes", "bytes_of")]
        return int(self._connection.run("forget", keys, [own]))

    def rollback(self, seen: int, exchanges: Iterable[Exchange]) -> None:
        """Take these in place of all exchanges; they are shared with the rest of the state."""
        kept = Exchanges()
        kept.rollback(seen, exchanges)
        begins = self._connection.begins
        rows = [(e.number, begins(e.account), _kept(self._show(e)), e.size) for e in kept.of()]
        self.restored = seen, rows

    def _key(self, name: str) -> str:
        return self._connection.own(name)


def _marked(number: int | None) -> str:
    return "" if number is None else f"{number:x}"


def _kept(entry: Entry) -> bytes:
    """Return an entry as it is kept: as JSON, with what that leaves out."""
    close = entry.response.delivery.close
    row: dict[str, Any] = {**entry.to_json(), "most": entry.most, "close": close}
    for place, body in (("body", entry.request.body), ("response_body", entry.response.body)):
        if row[place].encode() != body:
            row[f"{place}_base64"] = base64.b64encode(body).decode()
    return orjson.dumps(row)


def _exchange(number: int, kept: bytes) -> Exchange:
    """Return what was kept as an exchange without keys."""
    row = orjson.loads(kept)
    exchange = exchange_of({**row, "number": number})
    exchange.body_bytes = row["most"]
    exchange.response = replace(exchange.response, delivery=Delivery(close=row["close"]))
    if "body_base64" in row:
        exchange.request.body = base64.b64decode(row["body_base64"])
    if "response_body_base64" in row:
        exchange.response.body = base64.b64decode(row["response_body_base64"])
    return exchange


def _summary(exchange: Exchange, entry: Entry) -> bytes:
    """Return what later advice depends on."""
    headers = exchange.response.headers
    return orjson.dumps(
        {
            "at": exchange.at,
            "milliseconds": exchange.milliseconds,
            "path": entry.request.path,
            "status": exchange.response.status,
            "headers": {name: headers[name] for name in _HEADERS if name in headers},
            "charge": f"{exchange.response.usage.charge:f}",
            "asked": _marked(exchange.asked),
        }
    )


def _past(kept: bytes) -> Exchange | None:
    """Return an earlier exchange, of which only that is known."""
    if not kept:
        return None
    number, _, text = kept.partition(b" ")
    row = orjson.loads(text)
    response = Response(
        row["status"], row["headers"], b"", usage=Usage(0, 0, Decimal(row["charge"]))
    )
    exchange = Exchange(
        at=row["at"],
        account=None,
        request=Request("", row["path"], "", {}, b""),
        request_bytes=0,
        response=response,
        response_bytes=0,
        model=None,
        documents=None,
        milliseconds=row["milliseconds"],
        advice=(),
        caller=None,
        asked=int(row["asked"], 16) if row["asked"] else None,
    )
    exchange.number = int(number)
    return exchange
