"""Scores that a test sets for documents, instead of the computed ones."""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias, cast

import orjson

from ..parsed_request import RerankRequest
from ..scoring import Content
from ..validation import InputError, check, likely, read_json, within
from ..wire import Json
from ..wording import count_of

#: For how many documents of a pin a similar one is searched.
_HINTED = 10

#: Returns scores for all documents of a query; None leaves a document its own score.
ScoreFunction: TypeAlias = Callable[[Content, Sequence[Content]], "Sequence[float | None]"]


class PinError(InputError):
    """Invalid pins: what is wrong, and where in their JSON."""


class ScoreFunctionError(Exception):
    """A score function of the user failed: it is not a fault of the mock."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Pin:
    """The scores or the order of some documents."""

    #: By the text of the document; all others keep their own.
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    #: Texts of documents, best first: they score between 0.5 and 1, all others below.
    order: tuple[str, ...] = ()
    #: The query and the model that it applies to; None means all.
    query: str | None = None
    model: str | None = None
    #: The score of each document in `scores` or `order`, by its text.
    named: Mapping[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # In reverse, so that a text that is listed twice gets its better place.
        places = reversed([*enumerate(self.order, 1)])
        ranked = {text: 1 - 0.5 * place / (len(self.order) + 1) for place, text in places}
        object.__setattr__(self, "named", {**ranked, **self.scores})

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Pin":
        """Return a pin from JSON that keeps `schemas/files/pins.json`."""
        given = dict(row)
        given["order"] = tuple(row.get("order", ()))
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
        row = {
            "scores": dict(self.scores),
            "order": list(self.order),
            "query": self.query,
            "model": self.model,
        }
        return {name: value for name, value in row.items() if value not in ({}, [], None)}

    def mismatch(self, sent: Iterable[RerankRequest]) -> str:
        """Return why the pin applies to none of the requests; empty if it applies to one."""
        asked = [request for request in sent if self.model in (None, request.model)]
        if not asked:
            return f"no request was for {self.model}" if self.model else "there was no request"
        queries = [_text(request.query) for request in asked if request.query is not None]
        if not queries or self.query not in (None, *queries):
            return f"no request had this query{likely(self.query or '', queries)}"
        asked = [r for r in asked if r.query is not None and self.query in (None, _text(r.query))]
        texts = list(dict.fromkeys(_text(text) for r in asked for text in _contents(r)))
        if self.named.keys() & texts:
            return ""
        hints = (likely(text, texts) for text in islice(self.named, _HINTED))
        return f"no request had any of these documents{next(filter(None, hints), '')}"


def read_pins(rows: Json) -> list[Pin]:
    """Return pins from their JSON. Raises `PinError`."""
    check("pins", rows, PinError)
    pins = [Pin.from_json(row) for row in cast("list[dict[str, Any]]", rows)]
    for number, pin in enumerate(pins):
        if not pin.named:
            raise PinError("names no document in `scores` or `order`", number)
    return pins


def _check_printable(rows: list[dict[str, Any]]) -> None:
    try:
        printed = orjson.loads(orjson.dumps(rows))
    except orjson.JSONEncodeError as error:
        raise PinError(f"cannot be written as JSON: {error}") from None
    check("pins", printed, PinError)


def check_scores(scores: object) -> None:
    """Raise `PinError` unless these are scores by text."""
    if not isinstance(scores, Mapping):
        raise PinError(f'scores are given by text, such as {{"a text": 0.9}}, not as {scores!r}')
    for text, score in cast("Mapping[object, object]", scores).items():
        if not isinstance(text, str):
            raise PinError(f"scores are given by text, not by {text!r}")
        if type(score) not in (int, float) or not math.isfinite(cast("float", score)):
            raise PinError(f"the score of {text!r} must be a number, not {score!r}")


def check_order(texts: Iterable[object]) -> None:
    """Raise `PinError` unless these are texts."""
    for text in texts:
        if isinstance(text, (list, tuple)):
            raise PinError(f"an order is given as texts, not as a list: pin_order(*{text!r})")
        if not isinstance(text, str):
            raise PinError(f"an order is given as texts, not as {text!r}")


def load_pins(path: str | Path) -> list[Pin]:
    """Read pins from a JSON file. Raises `PinError`."""
    rows = read_json(path, PinError)
    with within(source=path):
        return read_pins(rows)


def listed(pins: object) -> list[Pin]:
    """Return the pins as a list. Raises `PinError` if they are none."""
    found = [*cast("Iterable[object]", pins)] if isinstance(pins, Iterable) else None
    if found is None or not all(isinstance(pin, Pin) for pin in found):
        raise PinError(f"expected a function, or pins as load_pins(path) returns, got {pins!r}")
    return cast("list[Pin]", found)


class Pins:
    """The pins of all accounts. Each method is atomic under the lock of the state."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._pins: dict[str, tuple[Pin, ...]] = {}
        self._functions: dict[str, ScoreFunction] = {}

    def pin(
        self, account: str, pins: ScoreFunction | Iterable[Pin], models: Collection[str]
    ) -> None:
        """Pin scores for an account; the latest pins come first. Raises `PinError`.

        A function takes precedence over pins; an account has at most one. It is not part of
        snapshots, so a rollback keeps it.
        """
        if not callable(pins):
            pins = listed(pins)
            _check_printable([pin.to_json() for pin in pins])
            for number, pin in enumerate(pins):
                if pin.model is not None and pin.model not in models:
                    hint = likely(pin.model, [*models])
                    raise PinError(f"there is no model {pin.model!r}{hint}", number, "model")
        with self._lock:
            if callable(pins):
                self._functions[account] = pins
            else:
                self._pins[account] = (*pins, *self._pins.get(account, ()))

    def unpin(self, account: str) -> None:
        """Remove the pins and the function of an account."""
        with self._lock:
            self._pins.pop(account, None)
            self._functions.pop(account, None)

    def of(self, account: str) -> tuple[Pin, ...]:
        """Return the pins of an account; the first that has a document applies."""
        with self._lock:
            return self._pins.get(account, ())

    def function_of(self, account: str) -> ScoreFunction | None:
        """Return the score function of an account, which takes precedence over its pins."""
        return self._functions.get(account)

    def snapshot(self) -> dict[str, Any]:
        """Return the pins by account as JSON, without functions."""
        with self._lock:
            return {name: [pin.to_json() for pin in pins] for name, pins in self._pins.items()}

    def restore(self, account: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the pins of an account."""
        with self._lock:
            self._pins[account] = tuple(map(Pin.from_json, rows))
            if not self._pins[account]:
                del self._pins[account]

    def rollback(self, snapshot: Mapping[str, Any]) -> None:
        """Restore the pins of the snapshot."""
        with self._lock:
            self._pins = {name: tuple(map(Pin.from_json, rows)) for name, rows in snapshot.items()}


def pinned_scores(
    pins: Sequence[Pin],
    function: ScoreFunction | None,
    *,
    model: str,
    query: Content,
    documents: Sequence[Content],
    scores: Sequence[float],
) -> Sequence[float]:
    """Return the scores of the documents, replaced by pinned ones where there are any."""
    text = _text(query)
    pins = [pin for pin in pins if pin.query in (None, text) and pin.model in (None, model)]
    if function is None and not pins:
        return scores
    own = [score / 2 for score in scores] if any(pin.order for pin in pins) else scores
    texts = [_text(document) for document in documents]
    named = _first_of(pins, set(texts))
    pinned = [named.get(text) for text in texts]
    called = _call(function, query, documents) if function else [None] * len(documents)
    ranked = zip(called, pinned, own, strict=True)
    return [next(score for score in row if score is not None) for row in ranked]


def _call(
    function: ScoreFunction, query: Content, documents: Sequence[Content]
) -> Sequence[float | None]:
    try:
        called: Any = function(query, documents)
    except Exception as error:  # noqa: BLE001 - anything, of the user
        raise ScoreFunctionError(error) from None
    try:
        scored = len(called)
        if isinstance(called, (str, bytes, Mapping)):
            raise TypeError
    except TypeError:
        raise PinError(f"the function returned {called!r} instead of a list of scores") from None
    if scored != len(documents):
        asked = count_of(len(documents), "document")
        raise PinError(f"the function returned {count_of(scored, 'score')} for {asked}")
    return [_score(index, score) for index, score in enumerate(called)]


def _score(index: int, score: object) -> float | None:
    if score is None or (type(score) in (int, float) and math.isfinite(cast("float", score))):
        return cast("float | None", score)
    # Such as the floats of numpy, which JSON does not know.
    if type(score) is not bool and isinstance(score, Real) and math.isfinite(score):
        return float(score)
    raise PinError(
        f"the function returned {score!r} as the score of document {index}:"
        " expected a finite number, or None"
    )


def _first_of(pins: Iterable[Pin], texts: set[str]) -> dict[str, float]:
    """Return the score of each text that a pin has, by the first pin that has it."""
    found: dict[str, float] = {}
    for pin in pins:
        # The intersection iterates over the smaller set.
        for text in pin.named.keys() & texts:
            found.setdefault(text, pin.named[text])
    return found


def _contents(request: RerankRequest) -> Iterator[Content]:
    for document in request.listed_documents or []:
        if isinstance(document, (str, dict)):
            yield cast("Content", document)


def _text(content: Content) -> str:
    return content if isinstance(content, str) else content.get("text", "")
