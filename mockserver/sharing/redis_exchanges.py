"""The recorded exchanges in Redis: without keys, and bounded as in `state/exchanges.py`."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from ..state.entry import Entry, exchange_of
from ..state.exchanges import (
    BYTES,
    BYTES_PER_ACCOUNT,
    ENTRIES,
    ENTRIES_PER_ACCOUNT,
    Exchange,
    Exchanges,
    Past,
)
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
        entry = self._show(exchange).to_json()
        connection, own = self._connection, self._connection.begins(exchange.account)
        names = ("seen", "exchanges", "bytes", "bytes_of", "forgiven")
        number, last, same = connection.run(
            "record",
            [*map(self._key, names), *(own + name for name in ("entries", "order", "before"))],
            [
                LIVE,
                own,
                orjson.dumps(entry),
                _marked(exchange.caller),
                _marked(exchange.asked),
                _summary(exchange, entry),
                exchange.size,
                *(ENTRIES_PER_ACCOUNT, BYTES_PER_ACCOUNT, ENTRIES, BYTES),
            ],
        )
        exchange.number = int(number)
        return Past(_past(last), _past(same))

    def correct(self, exchange: Exchange) -> None:
        """Keep what has changed of an exchange."""
        entry = orjson.dumps(self._show(exchange).to_json())
        own = self._connection.begins(exchange.account)
        self._connection.call("hset", f"{own}entries", exchange.number, entry)

    def of(self, account: str | None = None, after: int = 0) -> list[Exchange]:
        """Return the exchanges of an account, or all, with a number greater than `after`."""
        own = "" if account is None else self._connection.begins(account)
        found = self._connection.run("entries", [self._key("exchanges")], [after, own])
        pairs = zip(found[::2], found[1::2], strict=True)
        return [exchange_of({**orjson.loads(row), "number": int(number)}) for number, row in pairs]

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
            entry = orjson.dumps(self._show(exchange).to_json())
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


def _summary(exchange: Exchange, entry: Mapping[str, Any]) -> bytes:
    """Return what later advice depends on."""
    headers = exchange.response.headers
    return orjson.dumps(
        {
            "at": exchange.at,
            "milliseconds": exchange.milliseconds,
            "path": entry["path"],
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
