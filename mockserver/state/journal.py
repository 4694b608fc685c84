"""Every exchange of the mock in order, as far back as its bounds allow.

An account forgets its own oldest entries first. Only when ten accounts are full are the oldest of
all forgotten, whosever they are.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

from ..advice.over_time import Past
from ..advice.rules import advise_on_request, advise_over_time
from ..contract import Model
from ..parsed_request import Sent
from ..redaction import Redactor
from ..wire import Request, Response
from .entry import Entry, outcome

#: The most entries, of one account and of all. Requests without a valid key count as one account.
ENTRIES_PER_ACCOUNT = 1_000
ENTRIES = 10_000

#: The most bytes, of one account and of all: bodies, heads, and `ENTRY_BYTES` for each entry. The
#: newest entry is kept whatever it holds.
BYTES_PER_ACCOUNT = 8 * 1024 * 1024
BYTES = 64 * 1024 * 1024

#: What an entry counts as in addition to its texts.
ENTRY_BYTES = 1024

#: The most bytes that are kept of a body unless told otherwise; its true length is kept too.
BODY_BYTES = 64 * 1024

#: The most characters that are kept of a path, a query, a header, or the name of a model.
TEXT_LENGTH = 2048


def observe(
    request: Request,
    response: Response,
    *,
    account: str | None,
    came: float,
    now: float,
    models: Mapping[str, Model],
    is_key: Callable[[str], bool],
    max_body_bytes: int,
    body_bytes: int = BODY_BYTES,
) -> Entry:
    """Make an entry, still without a number, of what crossed the wire: without keys, and cut.

    `came` is when the request did, `now` when its answer was ready. Of a body `body_bytes` are
    kept.
    """
    sent = Sent.read(request, models, is_key, max_body_bytes)
    delivery = response.delivery
    seconds = max(now - came, 0.0) + delivery.delay + delivery.pause * (delivery.pieces - 1)
    redactor = Redactor(request, is_key)
    return Entry(
        number=0,
        at=came,
        account=account,
        request=Request(
            method=_cut(redactor.text(request.method)),
            path=_cut(redactor.text(request.path)),
            query=_cut(redactor.query(request.query)),
            headers=_cut_all(redactor.headers(request.headers)),
            body=_kept(request.body, redactor, body_bytes),
        ),
        request_bytes=len(request.body),
        response=replace(
            response,
            headers=_cut_all(redactor.headers(response.headers)),
            body=_kept(response.body, redactor, body_bytes),
        ),
        response_bytes=len(response.body),
        outcome=outcome(response),
        model=None if sent.named_model is None else _cut(redactor.text(sent.named_model)),
        documents=None if sent.documents is None else len(sent.documents),
        usage=response.usage,
        milliseconds=seconds * 1000,
        advice=tuple(
            replace(advice, hint=redactor.text(advice.hint)) for advice in advise_on_request(sent)
        ),
        caller=hash((account, None if account else request.headers.get("authorization"))),
        asked=hash((request.method, request.path, request.query, request.body)),
    )


@dataclass(slots=True)
class _Shelf:
    """The entries of one account."""

    entries: deque[Entry] = field(default_factory=deque[Entry])
    size: int = 0


class Journal(Sequence[Entry]):
    """The exchanges, oldest first. Each method is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: How many exchanges there ever were.
        self.seen = 0
        #: The most bytes that are kept of a body.
        self.body_bytes = BODY_BYTES
        #: Is told of each entry once it is in; must not call back.
        self.listener: Callable[[Entry], None] | None = None
        self._empty()

    def _empty(self) -> None:
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._size = 0
        self._shelves: dict[str | None, _Shelf] = {}
        self._last: dict[int | None, Entry] = {}
        self._same: dict[tuple[int | None, int | None], Entry] = {}

    def add(self, entry: Entry) -> Entry:
        """Number an entry, advise on what it shows after those before, and keep it."""
        with self._lock:
            self.seen += 1
            past = Past(self._last.get(entry.caller), self._same.get((entry.caller, entry.asked)))
            advice = (*entry.advice, *advise_over_time(entry, past))
            entry = replace(entry, number=self.seen, advice=advice)
            self._put(entry)
            if self.listener:
                self.listener(entry)
            return entry

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
        with self._lock:
            if account is None:
                entries = list(self._entries.values())
            else:
                entries = list(self._shelves.get(account, _Shelf()).entries)
        return [
            entry
            for entry in entries
            if entry.number > after
            and model in (None, entry.model)
            and outcome in (None, entry.outcome)
        ]

    def clear(self, account: str | None = None) -> int:
        """Forget the entries of an account, or all; return how many. Numbers go on."""
        with self._lock:
            before = len(self._entries)
            if account is None:
                self._empty()
            else:
                while account in self._shelves:
                    self._forget(self._shelves[account].entries[0])
            return before - len(self._entries)

    def snapshot(self) -> dict[str, Any]:
        """Return the entries as JSON."""
        with self._lock:
            return {
                "seen": self.seen,
                "entries": [entry.to_json() for entry in self._entries.values()],
            }

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Have the entries of the snapshot, and no others. Who had sent them is not known then."""
        with self._lock:
            self._empty()
            self.seen = int(snapshot["seen"])
            for row in snapshot["entries"]:
                self._put(Entry.from_json(row))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.query())

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        return self.query()[index]

    def _put(self, entry: Entry) -> None:
        shelf = self._shelves.setdefault(entry.account, _Shelf())
        size = _size(entry)
        self._entries[entry.number] = entry
        shelf.entries.append(entry)
        shelf.size += size
        self._size += size
        self._last[entry.caller] = entry
        self._same[entry.caller, entry.asked] = entry
        while len(shelf.entries) > 1 and (
            len(shelf.entries) > ENTRIES_PER_ACCOUNT or shelf.size > BYTES_PER_ACCOUNT
        ):
            self._forget(shelf.entries[0])
        while len(self._entries) > 1 and (len(self._entries) > ENTRIES or self._size > BYTES):
            self._forget(next(iter(self._entries.values())))

    def _forget(self, entry: Entry) -> None:
        """Drop an entry that is the oldest of its account."""
        shelf, size = self._shelves[entry.account], _size(entry)
        del self._entries[entry.number]
        shelf.entries.popleft()
        shelf.size -= size
        self._size -= size
        if not shelf.entries:
            del self._shelves[entry.account]
        if self._last.get(entry.caller) is entry:
            del self._last[entry.caller]
        if self._same.get((entry.caller, entry.asked)) is entry:
            del self._same[entry.caller, entry.asked]


def _size(entry: Entry) -> int:
    request, response = entry.request, entry.response
    heads = (
        len(name) + len(value)
        for headers in (request.headers, response.headers)
        for name, value in headers.items()
    )
    bodies = len(request.body) + len(response.body)
    return ENTRY_BYTES + bodies + len(request.path) + len(request.query) + sum(heads)


def _kept(body: bytes, redactor: Redactor, most: int) -> bytes:
    """Return the beginning of a body, without keys, and without a part of a key at its end."""
    # Latin-1 gives each byte one character, and back.
    text = body[: most + redactor.longest].decode("latin-1")
    kept = redactor.text(text).encode("latin-1")
    if len(kept) <= most:
        return kept
    # Not in the middle of a character of UTF-8.
    end = most
    while end > most - 3 and kept[end] & 0xC0 == 0x80:
        end -= 1
    return kept[:end]


def _cut(text: str) -> str:
    return text[:TEXT_LENGTH]


def _cut_all(headers: Mapping[str, str]) -> dict[str, str]:
    return {_cut(name): _cut(value) for name, value in headers.items()}
