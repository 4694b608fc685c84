"""A run goes on to its verdict and its reports where nothing reads its output any more.

Where its output cannot be written, as on a full disk, it ends with exit code 4.
"""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NoReturn, TextIO, cast

from ..judging.outcomes import EXIT_CODES, Verdict


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
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        try:
            self._file.flush()
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> NoReturn:
        self._give_up()
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        raise SystemExit(EXIT_CODES[Verdict.BROKEN])

    def _give_up(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)


@contextmanager
def output_may_end() -> Generator[None]:
    """Print to nowhere once standard output is closed at its other end."""
    output = cast("TextIO", _Output(sys.stdout))
    with redirect_stdout(output):
        yield
        output.flush()
