"""Writes entries of the journal into an HTTP archive as they come."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import orjson

from ..state.archive import archive, row
from ..state.entry import Entry
from ..version import installed

#: What closes an archive behind its last entry.
_CLOSING = b"\n]}}\n"


class GrowingArchive:
    """An archive that is whole at each moment, even if the process is killed.

    Each entry is written to a second file, which then takes the name of the archive: the write that
    is killed is never in the file that has it. While it is there, the archive grows.
    """

    def __init__(self, path: str | Path, complain: Callable[[str], None]) -> None:
        """Begin an archive; `complain` is told why it ends too early. Raises `OSError`."""
        self._path = Path(path).resolve()
        if self._path.exists() and not self._path.is_file():
            raise OSError(errno.EINVAL, "is not a plain file")
        self._complain = complain
        self._spare = [self._path.with_name(f"{self._path.name}.partial-{n}") for n in (0, 1)]
        self._lock = Lock()
        self._is_open = True
        #: What the second file lacks.
        self._missing = b""
        self._separator = b"\n"
        self._unlink()
        front = orjson.dumps(archive([], installed())).removesuffix(b"]}}")
        self._shown, self._second = (
            file.open("wb", buffering=0) for file in (self._path, self._spare[0])
        )
        for file in (self._shown, self._second):
            _write(file, front)

    def add(self, entry: Entry) -> None:
        """Write an entry, unless writing has failed before."""
        with self._lock:
            if not self._is_open:
                return
            added = self._separator + orjson.dumps(row(entry))
            try:
                _write(self._second, self._missing + added, over=len(_CLOSING))
                self._swap()
            except OSError as error:
                self._is_open = False
                reason = error.strerror or type(error).__name__
                self._complain(f"{self._path} has no more exchanges: {reason}")
            self._missing, self._separator = added, b",\n"

    def close(self) -> None:
        """Write no more."""
        with self._lock:
            self._is_open = False
            self._shown.close()
            self._second.close()
            self._unlink()

    def _swap(self) -> None:
        """Exchange the files: at no moment is there none with the name of the archive."""
        os.link(self._path, self._spare[1])
        self._spare[0].replace(self._path)
        self._spare.reverse()
        self._shown, self._second = self._second, self._shown

    def _unlink(self) -> None:
        for path in self._spare:
            path.unlink(missing_ok=True)


def _write(file: BinaryIO, text: bytes, over: int = 0) -> None:
    """Write in place of the last bytes of a file, and close the archive behind it."""
    file.seek(-over, os.SEEK_END)
    left = memoryview(text + _CLOSING)
    while left:
        left = left[file.write(left) or 0 :]
