"""Reads the members of one array in a JSON file one by one, however large the file is.

The array is that of HAR (`log.entries`), of a journal (`entries`), of a cassette (`interactions`,
`http_interactions`), or the whole file.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Protocol

from ..contract import AnyJson
from ..files import integer

#: What is read at a time, in bytes.
PIECE = 1024 * 1024
#: Longest member that is read, in characters; a longer one is passed over.
LONGEST = 32 * 1024 * 1024
#: Names of the array, below the top or below `log`.
_NAMES = ("entries", "interactions", "http_interactions")
_SPACE = re.compile(r"[ \t\r\n]*")
_STRUCTURE = re.compile(r'[\[\]{}"]')
_IN_STRING = re.compile(r'["\\]')
_SCALAR = re.compile(r"[^,\]}\s]*")


class JsonError(ValueError):
    """The file cannot be read any further; the message says why."""


class CutError(JsonError):
    """The file ends too early."""


class Readable(Protocol):
    """What can be read in pieces, such as a file."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes at most; none at the end."""
        ...


class TooLong:
    """Stands for a member that was passed over."""


class _End:
    """Finds where a value ends in a text that comes in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._is_inside = self._is_escaped = False

    def find(self, text: str, place: int) -> int | None:
        """The end of the value; None if it is not in this piece."""
        if self._is_escaped:
            place += 1
            self._is_escaped = False
        if not (self._depth or self._is_inside) and text[place] not in '[{"':
            scalar = _SCALAR.match(text, place)
            return scalar.end() if scalar and scalar.end() < len(text) else None
        while sign := (_IN_STRING if self._is_inside else _STRUCTURE).search(text, place):
            place = sign.end()
            if sign[0] == "\\":
                place += 1
                self._is_escaped = place > len(text)
            elif sign[0] == '"':
                self._is_inside = not self._is_inside
            else:
                self._depth += 1 if sign[0] in "[{" else -1
            if not (self._depth or self._is_inside):
                return place
        return None


class JsonArray:
    """The array of a file; `path` is where it stands, once a member was read."""

    def __init__(self, file: Readable, progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._parse = json.JSONDecoder(parse_int=integer).raw_decode
        self._text = ""
        self._place = 0
        self._is_whole = False
        self._bytes_read = 0
        self.path: tuple[str, ...] = ()

    def members(self) -> Iterator[AnyJson | TooLong]:
        """The members, in order. Raises `JsonError`."""
        found = self._next() == "[" or self._find(("log",))
        if not found:
            raise JsonError("has no array log.entries, entries, interactions or http_interactions")
        self._place += 1
        if self._next() == "]":
            return
        while True:
            yield self._value()
            if self._next() == "]":
                return
            self._expect(",")

    @property
    def consumed(self) -> int:
        """Bytes up to the end of the last member that was read."""
        undecoded, _ = self._decoder.getstate()
        unread = len(self._text[self._place :].encode()) + len(undecoded)
        return self._bytes_read - unread

    def names(self) -> Iterator[str]:
        """The names of the members of the file, an object."""
        self._expect("{")
        while self._next() != "}":
            yield self._name()
            self._value()
            if self._next() != "}":
                self._expect(",")

    def _name(self) -> str:
        """Go to the value of a member, whose name this is."""
        name = self._value()
        if not isinstance(name, str):
            raise JsonError("is not JSON: the name of a member is none")
        self._expect(":")
        return name

    def _find(self, inside: tuple[str, ...]) -> bool:
        """Go to the array in the object that begins here, or in a member of it named `inside`."""
        self._expect("{")
        while self._next() != "}":
            name = self._name()
            if name in _NAMES and self._next() == "[":
                self.path = (*self.path, name)
                return True
            if name in inside and self._next() == "{":
                self.path = (name,)
                if self._find(()):
                    return True
                self.path = ()
            else:
                self._value()
            if self._next() != "}":
                self._expect(",")
        self._place += 1
        return False

    def _next(self) -> str:
        """The next character that is no white space. Raises `CutError`."""
        while True:
            space = _SPACE.match(self._text, self._place)
            self._place = space.end() if space else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            self._read()

    def _expect(self, wanted: str) -> None:
        found = self._next()
        if found != wanted:
            raise JsonError(f"is not JSON: expected {wanted!r}, found {found!r}")
        self._place += 1

    def _value(self) -> AnyJson | TooLong:
        """The value that begins here."""
        self._next()
        size = PIECE
        while True:
            try:
                value, end = self._parse(self._text, self._place)
            except RecursionError:
                raise JsonError("is nested too deeply") from None
            except ValueError as error:
                if _End().find(self._text, self._place) is not None:
                    what = str(error).partition(":")[0]
                    raise JsonError(f"is not JSON: {what}") from None
            else:
                # A number may go on in the next piece.
                if end < len(self._text) or self._is_whole:
                    self._place = end
                    return value
            if len(self._text) - self._place > LONGEST:
                self._pass_over()
                return TooLong()
            self._read(size)
            size = min(2 * size, 8 * PIECE)

    def _pass_over(self) -> None:
        """Go to the end of the value that begins here, without reading it."""
        end = _End()
        while (found := end.find(self._text, self._place)) is None:
            self._place = len(self._text)
            self._read()
        self._place = found

    def _read(self, size: int = PIECE) -> None:
        """Read on. Raises `CutError` at the end of the file."""
        if self._is_whole:
            raise CutError("ends too early")
        try:
            piece = self._file.read(size)
            self._bytes_read += len(piece)
            self._progress(len(piece))
            self._is_whole = not piece
            text = self._decoder.decode(piece, final=self._is_whole)
        except UnicodeDecodeError as error:
            raise JsonError(f"is not UTF-8: {error.reason}") from None
        self._text = self._text[self._place :] + text
        self._place = 0
