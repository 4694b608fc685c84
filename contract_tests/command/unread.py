"""A run goes on to its verdict and its reports where nothing reads its output any more."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO, cast


class _Output:
    """Standard output, until its reader is gone: `check | head`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the file has it
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except BrokenPipeError:
            self._give_up()

    def _give_up(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)


@contextmanager
def output_may_end() -> Generator[None]:
    """Print to nowhere once standard output is closed at its other end."""
    with redirect_stdout(cast("TextIO", _Output(sys.stdout))):
        yield
