"""Recordings that are played: which answer comes next, and which recording is the nearest."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, NamedTuple, cast

import orjson

from ..wire import Json, Response, json_response
from ..wording import count_of
from .recordings import Question, Recording, Recordings, Unrecorded

#: The most recordings that a request is compared with, and the most differences that are listed.
COMPARED = 1000
LISTED = 10

#: The most characters of a text in a difference.
LENGTH = 100

_ABSENT = object()


class Difference(NamedTuple):
    """A place at which a request is not as it was recorded."""

    #: A JSON path into the body, or `method`, `path` or `media type`.
    place: str
    #: Absent members are `_ABSENT`.
    recorded: object
    sent: object

    def __str__(self) -> str:
        return f"{self.place} (recorded {_shown(self.recorded)}, sent {_shown(self.sent)})"

    def to_json(self) -> dict[str, Any]:
        """Return its JSON; what is absent has no member."""
        sides = {"recorded": self.recorded, "sent": self.sent}
        present = {name: _cut(side) for name, side in sides.items() if side is not _ABSENT}
        return {"place": self.place, **present}


class Tape:
    """The recordings, and how far each request has been answered. Each method is atomic.

    Equal requests get their answers in the order of recording, and the last one again and again.
    """

    def __init__(self, recordings: Recordings, unrecorded: Unrecorded = "refuse") -> None:
        self.recordings = recordings
        self.unrecorded = unrecorded
        self._lock = threading.Lock()
        self._places: dict[bytes, list[int]] = {}
        for place, row in enumerate(recordings.rows):
            self._places.setdefault(row.question.key, []).append(place)
        self.rewind()

    def rewind(self) -> None:
        """Begin anew."""
        with self._lock:
            #: By account and question.
            self._asked: dict[tuple[str | None, bytes], int] = {}
            self._played = [0] * len(self.recordings.rows)

    def has(self, question: Question) -> bool:
        """Return whether there is an answer."""
        return question.key in self._places

    def play(self, account: str | None, question: Question) -> Response:
        """Return the next answer to a question that was recorded; each account has its own turn."""
        key = question.key
        with self._lock:
            places = self._places[key]
            asked = self._asked.get((account, key), 0)
            self._asked[account, key] = asked + 1
            place = places[min(asked, len(places) - 1)]
            self._played[place] += 1
        return self.recordings.rows[place].response

    @property
    def played(self) -> list[tuple[Recording, int]]:
        """Each recording, and how often it was played."""
        with self._lock:
            return [*zip(self.recordings.rows, self._played, strict=True)]

    def refusal(self, question: Question) -> Response:
        """Return the answer to a question that was not recorded: it names the nearest one."""
        row, differences = _nearest(self.recordings.rows, question)
        nearest = f"{self.recordings.source}, {row.place}"
        listed = [str(difference) for difference in differences[:LISTED]]
        if len(differences) > LISTED:
            listed.append("and more")
        told = (
            "rerank-mock has no recording of this request; the nearest is"
            f" {nearest}, which differs in {', '.join(listed)}"
        )
        data = {
            "nearest": nearest,
            "differences": [difference.to_json() for difference in differences[:LISTED]],
        }
        return json_response(404, {"code": None, "message": told, "data": data})


def _nearest(rows: Sequence[Recording], question: Question) -> tuple[Recording, list[Difference]]:
    """Return the recording with the fewest differences, the first of several, and those."""
    best, fewest = rows[0], [*islice(differences(rows[0].question, question), COMPARED)]
    for row in rows[1:COMPARED]:
        found = [*islice(differences(row.question, question), len(fewest))]
        if len(found) < len(fewest):
            best, fewest = row, found
    return best, fewest


def differences(recorded: Question, sent: Question) -> Iterator[Difference]:
    """Yield where a request differs from a recorded one."""
    names = ("method", "path", "media type")
    for name, ours, theirs in zip(names, recorded[:3], sent[:3], strict=True):
        if ours != theirs:
            yield Difference(name, ours, theirs)
    yield from _differences("$", recorded.body, sent.body)


def _differences(place: str, recorded: object, sent: object) -> Iterator[Difference]:
    if type(recorded) is type(sent) and recorded == sent:
        return
    if isinstance(recorded, dict) and isinstance(sent, dict):
        ours, theirs = cast("Mapping[str, Json]", recorded), cast("Mapping[str, Json]", sent)
        for name in sorted({*ours, *theirs}):
            pair = ours.get(name, _ABSENT), theirs.get(name, _ABSENT)
            yield from _differences(f"{place}.{name}", *pair)
    elif isinstance(recorded, list) and isinstance(sent, list):
        items = cast("list[object]", recorded), cast("list[object]", sent)
        pairs: Iterator[tuple[object, object]] = zip_longest(*items, fillvalue=_ABSENT)
        for number, pair in enumerate(pairs):
            yield from _differences(f"{place}[{number}]", *pair)
    else:
        yield Difference(place, recorded, sent)


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    if isinstance(value, list):
        return count_of(len(cast("list[Json]", value)), "item")
    if isinstance(value, dict):
        return "an object"
    return orjson.dumps(_cut(value)).decode()


def _cut(value: object) -> object:
    return f"{value[:LENGTH]}…" if isinstance(value, str) and len(value) > LENGTH else value
