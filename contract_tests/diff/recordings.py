"""What changed between two recordings of the same requests.

Both files are read side by side. An exchange waits until the other file has the same request, and
of equal requests those with the same status belong together: what is recorded in the same order
needs no memory, however long it is.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path

from ..audit.recordings import Recorded, RecordingError, Tally, read
from ..checks.violations import shorten
from ..command.progress import bar
from ..exchanges import Answer, Exchange, member
from ..judging.connection import BUSY
from ..wording import counted
from .answers import Difference, differences
from .model import KEPT, Change, Comparison, DiffError, Kind, Uncompared, worst_first

#: Most bytes of exchanges of one file that wait for the other.
WAITING = 32 * 1024 * 1024
#: What is kept of an exchange beside its answer, in bytes.
_REST = 3000
#: Where differences are counted that are one too many to be told apart.
OTHERS = "more differences, such as"


def compare(old: Path, new: Path) -> Comparison:
    """Compare two recordings. Raises `DiffError` where one cannot be read to its end."""
    pairing = _Pairing((str(old), str(new)))
    tallies = Tally(), Tally()
    with ExitStack() as stack:
        bars = [stack.enter_context(bar(path)) for path in (old, new)]
        files = [
            _read(path, tally, progress)
            for path, tally, progress in zip((old, new), tallies, bars, strict=True)
        ]
        for both in zip_longest(*files):
            for side, recorded in enumerate(both):
                if recorded is not None:
                    pairing.take(side, recorded)
    pairing.conclude()
    for name, tally in zip(pairing.names, tallies, strict=True):
        for reason, count in tally.skipped.items():
            pairing.leave_out(reason, f"{counted(count, 'entry', 'entries')} of {name}", count)
    return Comparison(
        Kind.RECORDINGS,
        *pairing.names,
        pairing.compared,
        worst_first(pairing.changes()),
        pairing.uncompared,
    )


def _read(path: Path, tally: Tally, progress: Callable[[int], None]) -> Iterator[Recorded]:
    try:
        yield from read(path, tally, progress)
    except RecordingError as error:
        raise DiffError(str(error)) from None


@dataclass(frozen=True)
class _Waiting:
    """An exchange that the other file does not have yet."""

    #: Where it stands, such as `run.har, entry 3`.
    place: str
    #: What is asked, in short.
    request: str
    answer: Answer

    @property
    def size(self) -> int:
        return len(self.answer.body) + _REST

    @property
    def name(self) -> str:
        return f"{self.place} ({self.request})"

    @property
    def entry(self) -> str:
        """The name without that of the file."""
        return self.name[self.name.rindex(", entry ", 0, len(self.place)) + 2 :]


@dataclass
class _Queue:
    """The exchanges of one file that wait, by their request and the status of their answer."""

    #: The oldest first.
    kept: OrderedDict[tuple[str, int], deque[_Waiting]] = field(
        default_factory=OrderedDict[tuple[str, int], deque[_Waiting]]
    )
    size: int = 0

    def add(self, key: tuple[str, int], waiting: _Waiting) -> None:
        self.kept.setdefault(key, deque()).append(waiting)
        self.size += waiting.size

    def take(self, key: tuple[str, int]) -> _Waiting | None:
        """The first one with that key, which waits no longer."""
        if key not in self.kept:
            return None
        waiting = self.kept[key].popleft()
        if not self.kept[key]:
            del self.kept[key]
        self.size -= waiting.size
        return waiting

    def overflow(self) -> Iterator[_Waiting]:
        """Those that can wait no longer, as there are too many."""
        while self.size > WAITING:
            oldest = self.take(next(iter(self.kept)))
            if oldest:
                yield oldest

    def rest(self) -> dict[str, list[_Waiting]]:
        """Request -> those that still wait."""
        found: dict[str, list[_Waiting]] = {}
        for (question, _), waiting in self.kept.items():
            found.setdefault(question, []).extend(waiting)
        return found


@dataclass
class _Seen:
    """One difference, and how often it was seen."""

    difference: Difference
    #: The two exchanges that show the largest one.
    places: tuple[str, str]
    count: int = 0


@dataclass
class _Pairing:
    """Pairs exchanges of two files, and keeps how the answers of each pair differ."""

    #: What the files are called.
    names: tuple[str, str]
    compared: int = 0
    uncompared: dict[str, Uncompared] = field(default_factory=dict[str, Uncompared])
    _queues: tuple[_Queue, _Queue] = field(default_factory=lambda: (_Queue(), _Queue()))
    _seen: dict[tuple[str, ...], _Seen] = field(default_factory=dict[tuple[str, ...], _Seen])

    def take(self, side: int, recorded: Recorded) -> None:
        """Take an exchange of one of the files."""
        if recorded.unjudged:
            self.leave_out(recorded.unjudged, recorded.place)
            return
        key = _question(recorded), recorded.answer.status
        # Without what was made of its body, which takes several times as much memory.
        waiting = _Waiting(recorded.place, _in_short(recorded), replace(recorded.answer))
        other = self._queues[1 - side].take(key)
        if other:
            pair = (waiting, other) if side == 0 else (other, waiting)
            self._compare(*pair)
            return
        self._queues[side].add(key, waiting)
        for lost in self._queues[side].overflow():
            self.leave_out("the other file has it much later, or not at all", lost.name)

    def conclude(self) -> None:
        """Compare what is left: requests that got another status."""
        before, after = (queue.rest() for queue in self._queues)
        for question in dict.fromkeys((*before, *after)):
            for pair in zip_longest(before.get(question, ()), after.get(question, ())):
                old, new = pair
                if old and new and not {old.answer.status, new.answer.status} & set(BUSY):
                    self._compare(old, new)
                    continue
                for waiting, name in zip(pair, self.names, strict=True):
                    if waiting and waiting.answer.status in BUSY:
                        self.leave_out("the service was busy", waiting.name)
                    elif waiting:
                        self.leave_out(f"only in {name}", waiting.entry)

    def changes(self) -> Iterator[Change]:
        """Each difference once, with how many pairs show it."""
        for key, seen in self._seen.items():
            found, (old, new) = seen.difference, seen.places
            largest = "the largest in" if found.size and seen.count > 1 else "such as"
            pairs = f"{seen.count} of {counted(self.compared, 'pair')}, {largest} {old} and {new}"
            place = f"{OTHERS} {found.place}" if key == (OTHERS,) else found.place
            yield Change(place, found.old, found.new, found.effect, pairs)

    def leave_out(self, reason: str, name: str, count: int = 1) -> None:
        """Say that something was not compared."""
        self.uncompared.setdefault(reason, Uncompared()).add(name, count)

    def _compare(self, old: _Waiting, new: _Waiting) -> None:
        self.compared += 1
        for found in differences(old.answer, new.answer):
            values = (str(found.old), str(found.new)) if found.size is None else ()
            key, places = (found.place, *values), (old.place, new.place)
            if key not in self._seen and len(self._seen) >= KEPT:
                key = (OTHERS,)
            seen = self._seen.setdefault(key, _Seen(found, places))
            seen.count += 1
            if (found.size or 0) > (seen.difference.size or 0):
                seen.difference, seen.places = found, places


def _question(recorded: Recorded) -> str:
    """What is asked: the same for bodies that are the same JSON. Only a digest, as it is kept."""
    request = recorded.request
    body = request.body
    text = repr(body) if isinstance(body, bytes) else json.dumps(body, sort_keys=True)
    return sha256(f"{request.method} {request.path} {text}".encode()).hexdigest()


def _in_short(recorded: Recorded) -> str:
    request = recorded.request
    documents = counted(len(Exchange(request, recorded.answer).documents), "document")
    asked = [member(request.body, name) for name in ("model", "query")]
    parts = [shorten(value, 40) for value in asked if isinstance(value, str)]
    return ", ".join([*parts, documents]) if parts else f"{request.method} {request.path}"
