"""An HTTP archive that grows, such as `check --har` writes it: read on until it is closed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .following import PAUSE
from .json_array import CutError, JsonArray, JsonError
from .recordings import Recorded, RecordingError, Tally, judgeable

#: Bytes before the place from which it is read on, by which a replaced file is known.
KNOWN = 256
#: Most entries that are read at a time.
MOST = 200


@dataclass(frozen=True)
class GrowingArchive:
    """Where the archive is."""

    path: Path
    sleep: Callable[[float], None] = time.sleep

    def read(self, tally: Tally) -> Iterator[list[Recorded]]:
        """What is new, each time that the file is read on.

        It ends when the writer has closed the archive, as far as that shows. Raises
        `RecordingError` where the file is none, or no longer the same.
        """
        place, number, known = 0, 0, b""
        was_open = False
        while True:
            # Looked at before the file is read: what is there when it is closed is all.
            is_open = self._is_open()
            is_closed, was_open = was_open and not is_open, was_open or is_open
            try:
                with self.path.open("rb") as file:
                    file.seek(max(place - KNOWN, 0))
                    if file.read(len(known)) != known:
                        raise JsonError("was replaced or cut while it was followed")
                    rows, place, is_more = _entries(file, place)
                    file.seek(max(place - KNOWN, 0))
                    known = file.read(place - file.tell())
            except OSError as error:
                raise RecordingError(f"{self.path} cannot be read: {error.strerror}") from None
            except JsonError as error:
                # Lines are counted from the place where it was read on.
                what = f"{error.what} after entry {number}" if number else f"{error}"
                raise RecordingError(f"{self.path} {what}") from None
            numbered = [
                ("log", row, f"{self.path}, entry {number + position}")
                for position, row in enumerate(rows, 1)
            ]
            number += len(rows)
            yield [*judgeable(numbered, tally)]
            if is_more:
                continue
            if is_closed:
                return
            self.sleep(PAUSE)

    def _is_open(self) -> bool:
        """Whether its writer, if it is ours, has the second file that it writes to."""
        return any(
            self.path.with_name(f"{self.path.name}.partial-{number}").exists() for number in (0, 1)
        )


class _After:
    """The rest of an array of a file, as an array of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._front = file, b"["

    def read(self, size: int) -> bytes:
        front, self._front = self._front, b""
        return front or self._file.read(size)


def _entries(file: BinaryIO, place: int) -> tuple[list[Any], int, bool]:
    """The entries from a place on, the place behind the last, and whether there is more to read.

    Raises `JsonError` where the first of them is none.
    """
    rows: list[Any] = []
    file.seek(place)
    if place:
        while (sign := file.read(1)).isspace():
            pass
        if sign != b",":
            if sign in (b"]", b""):
                return rows, place, False
            raise JsonError(f"is not JSON: expected ',', found {sign.decode(errors='replace')!r}")
    start = file.tell() - 1 if place else 0
    array = JsonArray(_After(file) if place else file, lambda _: None)
    try:
        for row in array.members():
            rows.append(row)
            place = start + array.consumed
            if len(rows) == MOST:
                return rows, place, True
    except CutError:
        # The rest is still to come.
        pass
    except JsonError:
        if not rows:
            raise
        return rows, place, True
    return rows, place, False
