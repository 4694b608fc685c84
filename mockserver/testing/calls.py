"""The calls that a test looks at, and what it may assert of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from ..state.entry import Entry
from ..validation import likely

#: The most characters of a value, and the most differences of a call, that a message shows.
LENGTH = 200
DIFFERENCES = 10

_NOT_SENT = object()


class Calls(list[Entry]):
    """The exchanges that a test has seen so far, oldest first.

    Assertions on fields look at the fields that they name and at no others. They compare as
    Python does, so that `unittest.mock.ANY` and `pytest.approx` stand for what they stand for;
    alone `True` is not 1.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        redact: Callable[[str], str] = str,
        fields: Sequence[str] = (),
    ) -> None:
        super().__init__(entries)
        #: The fields that a request may have.
        self._fields = fields
        #: Takes keys out of messages.
        self._redact = redact

    @property
    def last(self) -> Entry:
        """The newest call. Raises `AssertionError` if there is none."""
        __tracebackhide__ = True
        self.assert_called()
        return self[-1]

    @property
    def called(self) -> bool:
        """Whether there is any call."""
        return bool(self)

    @property
    def call_count(self) -> int:
        """How many calls there are."""
        return len(self)

    def assert_called(self) -> None:
        """Raise `AssertionError` unless something was called."""
        __tracebackhide__ = True
        if not self:
            self._fail("no request has reached the mock")

    def assert_not_called(self) -> None:
        """Raise `AssertionError` if anything was called."""
        __tracebackhide__ = True
        if self:
            self._fail(f"expected no call, and there {self._count()}", *self._overview())

    def assert_called_once(self) -> None:
        """Raise `AssertionError` unless there was exactly one call."""
        __tracebackhide__ = True
        self.assert_called()
        if len(self) > 1:
            self._fail(f"expected one call, and there {self._count()}", *self._overview())

    def assert_called_with(self, **fields: object) -> None:
        """Raise `AssertionError` unless the last call was sent with these fields in its body."""
        __tracebackhide__ = True
        self.assert_called()
        number = len(self)
        if _differences_of(self[-1], fields):
            which = "the call" if number == 1 else f"the last of {number} calls"
            self._fail(f"{which} was sent otherwise", *self._difference(number, fields))

    def assert_any_call(self, **fields: object) -> None:
        """Raise `AssertionError` unless some call was sent with these fields in its body."""
        __tracebackhide__ = True
        self.assert_called()
        wrong = [_wrong_fields(entry, fields) for entry in self]
        if min(wrong):
            # The newest of the nearest: it is the one that the test has just caused.
            number = max(range(len(wrong)), key=lambda index: (-wrong[index], index)) + 1
            head = f"no call was sent so; there {self._count()}"
            nearest = " is the nearest" if len(self) > 1 else ""
            self._fail(head, *self._difference(number, fields, nearest))

    def assert_called_once_with(self, **fields: object) -> None:
        """Raise `AssertionError` unless there was one call, with these fields in its body."""
        __tracebackhide__ = True
        self.assert_called_once()
        self.assert_called_with(**fields)

    def _count(self) -> str:
        return "was one" if len(self) == 1 else f"were {len(self)}"

    def _overview(self) -> Iterator[str]:
        yield from (told(number, entry) for number, entry in enumerate(self[:DIFFERENCES], 1))
        if len(self) > DIFFERENCES:
            yield f"and {len(self) - DIFFERENCES} more"

    def _difference(self, number: int, fields: dict[str, object], why: str = "") -> Iterator[str]:
        entry = self[number - 1]
        differences = _differences_of(entry, fields)
        near = {name: likely(name, [*self._fields]) for name in fields if name not in self._fields}
        differences = [line + near.get(line.partition(":")[0], "") for line in differences]
        yield told(number, entry) + why
        yield from (f"  {line}" for line in differences[:DIFFERENCES])
        if len(differences) > DIFFERENCES:
            yield f"  and {len(differences) - DIFFERENCES} more differences"
        hints = (advice.hint for advice in entry.advice if advice.severity != "remark")
        yield from (f"  hint: {hint}" for hint in hints)

    def _fail(self, head: str, *lines: str) -> None:
        __tracebackhide__ = True
        text = "\n".join([head + (":" if lines else ""), *(f"  {line}" for line in lines)])
        raise AssertionError(self._redact(text))


def told(number: int, entry: Entry) -> str:
    """Tell of a call in one line: which, where to, and what became of it."""
    method, path = entry.request.method, entry.request.path
    said = "" if entry.outcome.startswith("status_") else f" {entry.outcome}"
    return f"call {number}: {method} {path} -> {entry.response.status}{said}"


def shown(value: object) -> str:
    """Return a value in one line, as JSON where it has a JSON, and cut if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = repr(value)
    return clipped(text)


def clipped(text: str) -> str:
    """Return a text in one line in which every character shows, and cut if it is long."""
    if len(text) > LENGTH:
        text = f"{text[:LENGTH]}… ({len(text):,} characters)"
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _wrong_fields(entry: Entry, fields: dict[str, object]) -> int:
    sent = entry.sent.fields
    return sum(
        next(_differences(name, expected, sent.get(name, _NOT_SENT)), None) is not None
        for name, expected in fields.items()
    )


def _differences_of(entry: Entry, fields: dict[str, object]) -> list[str]:
    sent = entry.sent.fields
    return [
        line
        for name, expected in fields.items()
        for line in _differences(name, expected, sent.get(name, _NOT_SENT))
    ]


def _differences(place: str, expected: Any, sent: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if sent is _NOT_SENT:
        yield f"{place}: expected {shown(expected)}, but it was not sent"
        return
    if isinstance(expected, tuple):
        expected = list(cast("tuple[object, ...]", expected))
    if type(expected) is type(sent) is list and len(expected) == len(sent):
        for index, (one, other) in enumerate(zip(expected, sent, strict=True)):
            yield from _differences(f"{place}[{index}]", one, other)
    elif not _same(expected, sent):
        if type(expected) is type(sent) is list:
            place = f"{place} ({len(sent)} in place of {len(expected)})"
        elif type(expected) is type(sent) is str:
            expected, sent, place = _window(expected, sent, place)
        yield f"{place}: expected {shown(expected)}, sent {shown(sent)}"


def _same(expected: object, sent: object) -> bool:
    numbers = (bool, int, float)
    if isinstance(expected, numbers) and isinstance(sent, numbers):
        return expected == sent and (type(expected) is bool) is (type(sent) is bool)
    return bool(expected == sent)


def _window(one: str, other: str, place: str) -> tuple[str, str, str]:
    """Return the part of two long texts in which they begin to differ."""
    if max(len(one), len(other)) <= LENGTH:
        return one, other, place
    pairs = enumerate(zip(one, other, strict=False))
    differ = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    start = max(differ - 20, 0)
    end = start + LENGTH - 2
    return one[start:end], other[start:end], f"{place}, from character {start}"
