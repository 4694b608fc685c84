"""The calls of a test, and assertions about them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..state.entry import Entry
from ..validation import likely
from ..wording import count_of

#: The most characters of a value, and the most lines of a list, that a message shows.
LENGTH = 200
LINES = 10

MISSING = object()


class Difference(NamedTuple):
    """A field of a call that is not as expected."""

    #: Its name, with the place in a list: `documents[1]`.
    field: str
    expected: object
    #: What was sent, or `MISSING`.
    actual: object


class Calls(list[Entry]):
    """The exchanges of a test so far, oldest first.

    Assertions about fields check only the fields that they name. Values are compared with `==`, so
    `unittest.mock.ANY` and `pytest.approx` work; the one exception is that `True` is not 1.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        redact: Callable[[str], str] = str,
        fields: Sequence[str] = (),
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(entries)
        #: The fields that a request may have.
        self._fields = fields
        #: Removes keys from messages.
        self._redact = redact
        #: Makes later lists begin after the calls so far.
        self._forget = forget

    def reset(self) -> None:
        """Begin anew: the calls so far are no longer listed. They may still fail the test."""
        self.clear()
        self._forget()

    @property
    def last(self) -> Entry:
        """The latest call. Raises `AssertionError` if there is none."""
        __tracebackhide__ = True
        self.assert_called()
        return self[-1]

    @property
    def called(self) -> bool:
        """Whether there was any call."""
        return bool(self)

    @property
    def call_count(self) -> int:
        """How many calls there were."""
        return len(self)

    def assert_called(self) -> None:
        """Raise `AssertionError` unless there was a call."""
        __tracebackhide__ = True
        if not self:
            self._fail("expected at least 1 call, but no request reached the mock")

    def assert_not_called(self) -> None:
        """Raise `AssertionError` if there was a call."""
        __tracebackhide__ = True
        if self:
            self._fail(f"expected no calls, got {len(self)}", *self._overview())

    def assert_called_once(self) -> None:
        """Raise `AssertionError` unless there was exactly one call."""
        __tracebackhide__ = True
        self.assert_called()
        if len(self) > 1:
            self._fail(f"expected 1 call, got {len(self)}", *self._overview())

    def assert_called_with(self, /, **fields: object) -> None:
        """Raise `AssertionError` unless the last call has these fields in its body."""
        __tracebackhide__ = True
        self.assert_called()
        number = len(self)
        if _differences_of(self[-1], fields):
            which = "the call" if number == 1 else f"the last of {number} calls"
            self._fail(f"{which} did not match", *self._difference(number, fields))

    def assert_any_call(self, /, **fields: object) -> None:
        """Raise `AssertionError` unless some call has these fields in its body."""
        __tracebackhide__ = True
        self.assert_called()
        number = self.nearest(fields)
        if _differences_of(self[number - 1], fields):
            head = f"none of {len(self)} calls matched; the nearest was"
            if len(self) == 1:
                head = "the call did not match"
            self._fail(head, *self._difference(number, fields))

    def assert_called_once_with(self, /, **fields: object) -> None:
        """Raise `AssertionError` unless there was one call, with these fields in its body."""
        __tracebackhide__ = True
        self.assert_called_once()
        self.assert_called_with(**fields)

    def nearest(self, fields: Mapping[str, object]) -> int:
        """Return the number of the call in which the fewest of the fields differ, from 1."""
        wrong = [_wrong_fields(entry, fields) for entry in self]
        # The latest of the nearest: probably the one that the test has just made.
        return max(range(len(wrong)), key=lambda index: (-wrong[index], index)) + 1

    def differences(self, number: int, fields: Mapping[str, object]) -> list["Difference"]:
        """Return how the call with that number, from 1, differs from the fields; without keys."""
        return [
            Difference(*(_redacted(part, self._redact) for part in difference))
            for difference in _differences_of(self[number - 1], fields)
        ]

    def _overview(self) -> Iterator[str]:
        yield from (describe(number, entry) for number, entry in enumerate(self[:LINES], 1))
        if len(self) > LINES:
            yield f"and {len(self) - LINES} more"

    def _difference(self, number: int, fields: dict[str, object]) -> Iterator[str]:
        entry = self[number - 1]
        near = {name: likely(name, [*self._fields]) for name in fields if name not in self._fields}
        differences = [
            _told(difference) + near.get(difference.field, "")
            for difference in _differences_of(entry, fields)
        ]
        yield describe(number, entry)
        yield from (f"  {line}" for line in differences[:LINES])
        if len(differences) > LINES:
            yield f"  and {count_of(len(differences) - LINES, 'more difference')}"
        hints = (advice.hint for advice in entry.advice if advice.severity != "remark")
        yield from (f"  hint: {hint}" for hint in hints)

    def _fail(self, head: str, *lines: str) -> None:
        __tracebackhide__ = True
        text = "\n".join([head + (":" if lines else ""), *(f"  {line}" for line in lines)])
        raise AssertionError(self._redact(text))


def describe(number: int, entry: Entry) -> str:
    """Return a call in one line: its number, method, path, status and outcome."""
    return f"call {number}: {entry.summary}"


def format_value(value: object) -> str:
    """Return a value in one line, as JSON if possible, and shortened if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = repr(value)
    return shorten(text)


def shorten(text: str) -> str:
    """Return a text in one line, with control characters escaped, and shortened if it is long."""
    if len(text) > LENGTH:
        text = f"{text[:LENGTH]}… ({len(text):,} characters)"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _wrong_fields(entry: Entry, fields: Mapping[str, object]) -> int:
    sent = entry.sent.fields
    return sum(
        next(_differences(name, expected, sent.get(name, MISSING)), None) is not None
        for name, expected in fields.items()
    )


def _differences_of(entry: Entry, fields: Mapping[str, object]) -> list[Difference]:
    sent = entry.sent.fields
    return [
        difference
        for name, expected in fields.items()
        for difference in _differences(name, expected, sent.get(name, MISSING))
    ]


def _differences(path: str, expected: Any, sent: Any) -> Iterator[Difference]:  # noqa: ANN401 - any JSON
    if isinstance(expected, tuple):
        expected = list(cast("tuple[object, ...]", expected))
    if type(expected) is type(sent) is list and len(expected) == len(sent):
        for index, (one, other) in enumerate(zip(expected, sent, strict=True)):
            yield from _differences(f"{path}[{index}]", one, other)
    elif sent is MISSING or not _same(expected, sent):
        yield Difference(path, expected, sent)


def _told(difference: Difference) -> str:
    path, expected, sent = difference
    if sent is MISSING:
        return f"{path}: expected {format_value(expected)}, but it was missing"
    if type(expected) is type(sent) is list:
        ours, theirs = cast("list[object]", expected), cast("list[object]", sent)
        path = f"{path} (length {len(theirs)}, expected {len(ours)})"
    elif isinstance(expected, str) and isinstance(sent, str):
        expected, sent, path = _window(expected, sent, path)
    return f"{path}: expected {format_value(expected)}, got {format_value(sent)}"


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    """Return a value without keys; what is MISSING stays so."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item, redact) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {redact(name): _redacted(member, redact) for name, member in members.items()}
    # A key may consist of digits.
    return value if redact(str(value)) == str(value) else redact(str(value))


def _same(expected: object, sent: object) -> bool:
    numbers = (bool, int, float)
    if isinstance(expected, numbers) and isinstance(sent, numbers):
        return expected == sent and (type(expected) is bool) is (type(sent) is bool)
    return bool(expected == sent)


def _window(one: str, other: str, path: str) -> tuple[str, str, str]:
    """Return the part of two long texts where they begin to differ, and the path to it."""
    if max(len(one), len(other)) <= LENGTH:
        return one, other, path
    pairs = enumerate(zip(one, other, strict=False))
    differ = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    start = max(differ - 20, 0)
    end = start + LENGTH - 2
    return one[start:end], other[start:end], f"{path}, from character {start}"
