"""The recorded exchanges in Redis: without keys, and bounded as in `state/exchanges.py`."""

import base64
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import orjson

from ..state import exchanges as bounds
from ..state.entry import Entry, exchange_of
from ..state.exchanges import Exchange, Exchanges, Past
from ..wire import Request, Response, Usage
from .connection import LIVE, Connection

#: The headers of an answer that later advice depends on.
_HEADERS = ("location", "retry-after")


class RedisExchanges(Exchanges):
    """The exchanges of all mocks that share the state. Each method is atomic."""

    def __init__(self, connection: Connection, show: Callable[[Exchange], Entry]) -> None:
        super().__init__()
        self._connection = connection
        self._show = show

    @property
    def seen(self) -> int:
        """How many there have been in total."""
        return int(self._connection.call("get", self._key("seen")) or 0)

    def add(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it, without keys; return what its caller did before."""
        entry = self._show(exchange)
        connection, own = self._connection, self._connection.begins(exchange.account)
        names = ("seen", "exchanges", "bytes", "bytes_of", "forgiven")
        number, last, same = connection.run(
            "record",
            [*map(self._key, names), *(own + name for name in ("entries", "order", "before"))],
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
        """Keep what has changed of an exchange."""
        own, entry = self._connection.begins(exchange.account), _kept(self._show(exchange))
        self._connection.call("hset", f"{own}entries", exchange.number, entry)

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
        """Replace all exchanges by these."""
        self.forget()
        calls: list[tuple[str, list[Any]]] = [("set", [self._key("seen"), seen])]
        for exchange in exchanges:
            own, number = self._connection.begins(exchange.account), exchange.number
            entry = _kept(self._show(exchange))
            calls += [
                ("hset", [f"{own}entries", number, entry]),
                ("zadd", [f"{own}order", {f"{number}   {exchange.size}": number}]),
                ("zadd", [self._key("exchanges"), {f"{number} {own}": number}]),
                ("hincrby", [self._key("bytes_of"), own, exchange.size]),
                ("incrby", [self._key("bytes"), exchange.size]),
                *(("expire", [own + name, LIVE]) for name in ("entries", "order")),
            ]
        self._connection.together(calls)

    def _key(self, name: str) -> str:
        return self._connection.own(name)


def _marked(number: int | None) -> str:
    return "" if number is None else f"{number:x}"


def _kept(entry: Entry) -> bytes:
    """Return an entry as it is kept: as JSON, with bodies that are no text as base64, too."""
    row: dict[str, Any] = {**entry.to_json(), "most": entry.most}
    for place, body in (("body", entry.request.body), ("response_body", entry.response.body)):
        if row[place].encode() != body:
            row[f"{place}_base64"] = base64.b64encode(body).decode()
    return orjson.dumps(row)


def _exchange(number: int, kept: bytes) -> Exchange:
    """Return what was kept as an exchange without keys."""
    row = orjson.loads(kept)
    exchange = exchange_of({**row, "number": number})
    exchange.body_bytes = row["most"]
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
