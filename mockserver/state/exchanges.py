"""The recorded exchanges: raw, in order, and bounded.

Raw exchanges never leave this process; `entry.py` shows one without keys. Each account has its own
bound. When it is reached, the oldest twentieth of its exchanges are dropped; those of other
accounts are dropped only when ten accounts are full.
"""

import threading
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Literal, NamedTuple, TypeAlias

from ..validation import MOST
from ..wire import Request, Response

#: The most exchanges, of one account and in total. Requests without a valid key count as one
#: account.
ENTRIES_PER_ACCOUNT = 1_000
ENTRIES = 10_000

#: The most bytes, of one account and in total: bodies, heads, and `ENTRY_BYTES` for each exchange.
#: The newest exchange is always kept.
BYTES_PER_ACCOUNT = 8 * 1024 * 1024
BYTES = 16 * 1024 * 1024

#: The overhead of an exchange in addition to its texts.
ENTRY_BYTES = 1024

#: How many exchanges are sorted in at a time: what runs fifty times in a row takes a third of the
#: time that it takes between other code. One whose bodies have more bytes does not wait.
FRESH = 50
FRESH_BYTES = 8 * 1024

#: The default for the most bytes that are shown of a body; its full length is kept too.
BODY_BYTES = 64 * 1024

#: `breach`: breaks the contract. `mistake`: allowed, but cannot be what the author wants.
#: `remark`: may be intended.
Severity: TypeAlias = Literal["breach", "mistake", "remark"]


class Advice(NamedTuple):
    """Advice for the author of a client."""

    #: Public; its meaning never changes.
    id: str
    #: How grave it is.
    severity: Severity
    #: What the client did, the same each time.
    sentence: str
    #: What to try, for this request.
    hint: str

    def to_json(self) -> dict[str, str]:
        """Return its JSON."""
        return self._asdict()


@dataclass(slots=True, eq=False)
class Exchange:
    """A raw request and its answer, which may contain keys."""

    #: When the request arrived: seconds since the epoch, by the clock of the mock.
    at: float
    #: The name of the account, or None without a valid key.
    account: str | None
    #: Its body may be cut, after what is shown of it.
    request: Request
    #: The length of the whole body.
    request_bytes: int
    response: Response
    response_bytes: int
    #: The model that the request names, known or not.
    model: str | None
    #: How many documents the request has.
    documents: int | None
    #: From the request to the answer, by the clock of the mock, scripted delays included.
    milliseconds: float
    advice: tuple[Advice, ...]
    #: A number for the caller, valid in this process only; an unknown key is a caller too. None if
    #: unknown.
    caller: int | None
    #: A number for the caller and the request, likewise; equal requests have equal numbers.
    asked: int | None
    #: The most bytes that are shown of each body.
    body_bytes: int = BODY_BYTES
    #: Whether the keys were already removed, as in a snapshot.
    redacted: bool = False
    #: The number of the exchange, from 1.
    number: int = 0
    #: The size that counts against the bounds, once it is sorted in.
    counted: int = 0

    @property
    def size(self) -> int:
        """Its size in bytes: bodies, heads, and `ENTRY_BYTES`."""
        request, response = self.request, self.response
        heads = request.head_length + len("".join(response.headers.values()))
        return ENTRY_BYTES + heads + len(request.body) + len(response.body)


class Past(NamedTuple):
    """What a caller did before."""

    #: Its last exchange.
    last: Exchange | None
    #: The last one with an equal request.
    same: Exchange | None


@dataclass(slots=True)
class _Shelf:
    """The exchanges of one account."""

    exchanges: deque[Exchange] = field(default_factory=deque[Exchange])
    size: int = 0


class Exchanges:
    """The exchanges, oldest first. Each method is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._empty()

    @property
    def seen(self) -> int:
        """How many there have been in total."""
        return self._seen

    def _empty(self) -> None:
        #: The newest ones, which are not sorted in yet.
        self._fresh: list[Exchange] = []
        #: All others, by number and by account.
        self._exchanges: dict[int, Exchange] = {}
        self._shelves: dict[str | None, _Shelf] = {}
        self._size = 0
        #: The last one of each caller, and of each request.
        self._last: dict[int | None, Exchange] = {}
        self._same: dict[int | None, Exchange] = {}

    def add(self, exchange: Exchange) -> Past:
        """Number an exchange and keep it; return what its caller did before."""
        with self._lock:
            if self._seen == MOST:
                # Numbers grow from entry to entry, so it begins anew.
                self._empty()
                self._seen = 0
            self._seen += 1
            exchange.number = self._seen
            past = Past(self._last.get(exchange.caller), self._same.get(exchange.asked))
            self._last[exchange.caller] = self._same[exchange.asked] = exchange
            fresh = self._fresh
            fresh.append(exchange)
            if (
                len(fresh) >= FRESH
                or exchange.request_bytes + exchange.response_bytes > FRESH_BYTES
            ):
                self._sort_in()
            return past

    def correct(self, exchange: Exchange) -> None:
        """Keep what has changed of an exchange; here it is kept already."""

    def of(self, account: str | None = None, after: int = 0) -> list[Exchange]:
        """Return the exchanges of an account, or all, with a number greater than `after`."""
        with self._lock:
            self._sort_in()
            if account is None:
                newest: Iterable[Exchange] = reversed(self._exchanges.values())
            else:
                newest = reversed(self._shelves.get(account, _Shelf()).exchanges)
            # A caller that asks for what is new does not pay for what it has seen.
            return list(takewhile(lambda exchange: exchange.number > after, newest))[::-1]

    def forgive(self) -> None:
        """Take no later request for a retry of one so far: it may have another answer now."""
        with self._lock:
            self._last, self._same = {}, {}

    def forget(self, account: str | None = None) -> int:
        """Delete the exchanges of an account, or all; return how many. Numbering continues."""
        with self._lock:
            self._sort_in()
            before = len(self._exchanges)
            if account is None:
                self._empty()
            else:
                self._drop([*self._shelves.get(account, _Shelf()).exchanges])
            return before - len(self._exchanges)

    def rollback(self, seen: int, exchanges: Iterable[Exchange]) -> None:
        """Replace all exchanges by these."""
        with self._lock:
            self._empty()
            self._seen = seen
            self._fresh = [*exchanges]
            self._sort_in()

    def _sort_in(self) -> None:
        """Sort in the newest exchanges, and drop the oldest beyond the bounds."""
        every, shelves = self._exchanges, self._shelves
        for exchange in self._fresh:
            size = exchange.counted = exchange.size
            shelf = shelves.get(exchange.account)
            if shelf is None:
                shelf = shelves[exchange.account] = _Shelf()
            own = shelf.exchanges
            every[exchange.number] = exchange
            own.append(exchange)
            shelf.size += size
            self._size += size
            while len(own) > 1 and (
                len(own) > ENTRIES_PER_ACCOUNT or shelf.size > BYTES_PER_ACCOUNT
            ):
                self._drop(_oldest(own))
            while len(every) > 1 and (len(every) > ENTRIES or self._size > BYTES):
                self._drop(_oldest(every.values()))
        self._fresh.clear()

    def _drop(self, exchanges: Iterable[Exchange]) -> None:
        """Drop exchanges, each the oldest of its account."""
        shelves, every, last, same = self._shelves, self._exchanges, self._last, self._same
        for exchange in exchanges:
            shelf, size = shelves[exchange.account], exchange.counted
            del every[exchange.number]
            shelf.exchanges.popleft()
            shelf.size -= size
            self._size -= size
            if not shelf.exchanges:
                del shelves[exchange.account]
            if last.get(exchange.caller) is exchange:
                del last[exchange.caller]
            if same.get(exchange.asked) is exchange:
                del same[exchange.asked]


def _oldest(exchanges: Collection[Exchange]) -> list[Exchange]:
    """Return the oldest twentieth: one at a time, each request would pay more for dropping it."""
    return [*islice(exchanges, max(len(exchanges) // 20, 1))]
