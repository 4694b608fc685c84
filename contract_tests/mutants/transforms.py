"""What the operators make of a value; none of them knows what the value is for."""

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias
from urllib.parse import quote

from ..contract import AnyJson
from ..exchanges import is_array
from .fields import Change

#: Gives the values of one field to other elements of the array.
Order: TypeAlias = Callable[[Sequence[AnyJson]], Sequence[AnyJson]]

#: Limits that programs have: of characters, of elements, of numbers.
CHARACTERS = (1, 8, 50, 100, 255, 512, 1000, 1024, 2000, 4096, 8192, 16_000, 32_000, 65_535)
ELEMENTS = (1, 2, 3, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 256, 500, 512)
NUMBERS = (0, 1, 2, 3, 5, 10, 20, 50, 100, 1000)

ANY = frozenset({"string", "array", "integer", "number", "boolean", "object", "null"})
_NUMBER = frozenset({"integer", "number"})
_STRING = frozenset({"string"})
_ARRAY = frozenset({"array"})

_ENCODINGS: dict[str, Callable[[str], str]] = {
    "as NFC": lambda text: unicodedata.normalize("NFC", text),
    "as NFD": lambda text: unicodedata.normalize("NFD", text),
    "as NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "in lower case": str.lower,
    "in capitals": str.upper,
    "stripped": str.strip,
    "without the space at its end": str.rstrip,
    "for HTML": html.escape,
    "from HTML": html.unescape,
    "for URLs": lambda text: quote(text, safe=" "),
    "as ASCII": lambda text: text.encode("ascii", "replace").decode(),
    "as Latin-1": lambda text: text.encode("latin-1", "replace").decode("latin-1"),
    "twice as UTF-8": lambda text: text.encode().decode("latin-1"),
    "with three bytes at most": lambda text: re.sub(r"[^\u0000-\uffff]", "\ufffd", text),
    "with escapes": lambda text: text.encode("unicode_escape").decode(),
    "as a JSON string": lambda text: json.dumps(text, ensure_ascii=False),
    "with LF for CRLF": lambda text: text.replace("\r\n", "\n"),
    "with CRLF for LF": lambda text: re.sub(r"\r?\n", "\r\n", text),
    "in one line": lambda text: " ".join(text.splitlines()),
    "with single spaces": lambda text: re.sub(r"\s+", " ", text),
    "with spaces for tabs": lambda text: text.replace("\t", "    "),
    "up to NUL": lambda text: text.partition("\0")[0],
    "without control characters": lambda text: re.sub(r"[\x00-\x1f\x7f]", "", text),
    "without marks and joiners": lambda text: re.sub(r"[\u200b-\u200f\ufe00-\ufe0f]", "", text),
    "with plain quotes": lambda text: re.sub(r"[\u2018\u2019\u201c\u201d\u00ab\u00bb]", '"', text),
}


@dataclass(frozen=True)
class Transform:
    """One way in which an operator changes a value."""

    #: How it differs from others of the operator.
    how: str
    #: JSON types of values that it changes.
    types: frozenset[str]
    change: Change


def _added(by: int, value: AnyJson) -> list[AnyJson]:
    return [value + by if _is_number(value) else value]


def _turned(by: int, value: AnyJson) -> list[AnyJson]:
    if isinstance(value, str):
        return [value[by:] + value[:by]]
    return [[*value[by:], *value[:by]] if is_array(value) else value]


def _cut(most: int, value: AnyJson) -> list[AnyJson]:
    return [value[:most] if isinstance(value, str) or is_array(value) else value]


def _capped(most: int, value: AnyJson) -> list[AnyJson]:
    return [min(value, most) if _is_number(value) else value]


def _rounded(digits: int, value: AnyJson) -> list[AnyJson]:
    return [round(value, digits) if _is_number(value) else value]


def _stepped(step: int, value: AnyJson) -> list[AnyJson]:
    return [value // step * step if _is_number(value) else value]


def _encoded(encode: Callable[[str], str], value: AnyJson) -> list[AnyJson]:
    return [encode(value) if isinstance(value, str) else value]


def _is_number(value: AnyJson) -> bool:
    return type(value) in (int, float)


def _drops() -> Iterator[Transform]:
    yield Transform("", ANY, lambda _: [])


def _duplicates() -> Iterator[Transform]:
    yield Transform("", _STRING | _ARRAY, lambda value: [value + value])
    yield Transform("as an element", ANY, lambda value: [value, value])


def _shifts() -> Iterator[Transform]:
    for by in (1, -1, 2, 100):
        yield Transform(f"by {by}", _NUMBER, partial(_added, by))
        yield Transform(f"by {by}", _STRING | _ARRAY, partial(_turned, by))


def _truncations() -> Iterator[Transform]:
    for most in CHARACTERS:
        yield Transform(f"at {most} characters", _STRING, partial(_cut, most))
    for most in ELEMENTS:
        yield Transform(f"at {most} elements", _ARRAY, partial(_cut, most))
    for most in NUMBERS:
        yield Transform(f"at the number {most}", _NUMBER, partial(_capped, most))


def _roundings() -> Iterator[Transform]:
    for digits in (0, 1, 2, 4):
        yield Transform(f"to {digits} digits", _NUMBER, partial(_rounded, digits))
    for step in (2, 10, 16):
        yield Transform(f"to multiples of {step}", _NUMBER, partial(_stepped, step))


def _coercions() -> Iterator[Transform]:
    yield Transform("to a string", ANY - _STRING, lambda value: [json.dumps(value)])
    yield Transform("to an integer", _NUMBER, lambda value: [int(value)])
    yield Transform("to a float", _NUMBER, lambda value: [float(value)])
    yield Transform("to a fraction", _NUMBER, lambda value: [value + 0.5])
    yield Transform("to a boolean", ANY, lambda value: [bool(value)])
    yield Transform("to null", ANY, lambda _: [None])
    yield Transform("to an array", ANY, lambda value: [[value]])
    yield Transform("to its first element", _ARRAY, lambda value: value[:1])
    yield Transform("to an object", ANY, lambda value: [{"value": value}])
    yield Transform("to the empty value", ANY, lambda value: [type(value)()])


def _encodings() -> Iterator[Transform]:
    for how, encode in _ENCODINGS.items():
        yield Transform(how, _STRING, partial(_encoded, encode))


#: Operator -> the ways in which it changes a value.
OF_VALUES: dict[str, tuple[Transform, ...]] = {
    "drop": tuple(_drops()),
    "duplicate": tuple(_duplicates()),
    "shift": tuple(_shifts()),
    "truncate": tuple(_truncations()),
    "round": tuple(_roundings()),
    "coerce": tuple(_coercions()),
    "re-encode": tuple(_encodings()),
}

#: Operator -> how it moves the values of one field from element to element.
OF_COLUMNS: dict[str, dict[str, Order]] = {
    "swap": {
        "of the first two": lambda values: [values[1], values[0], *values[2:]],
        "of the last two": lambda values: [*values[:-2], values[-1], values[-2]],
        "of the first and the last": lambda values: [values[-1], *values[1:-1], values[0]],
        "all the way": lambda values: values[::-1],
    },
    "shift": {
        "to the next element": lambda values: [*values[-1:], *values[:-1]],
        "to the element before": lambda values: [*values[1:], *values[:1]],
    },
}
