"""The command in this process, for what ends by itself, and as one of its own."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mockserver.__main__ import main

COMMAND = [sys.executable, "-m", "mockserver"]
REPOSITORY = Path(__file__).parents[3]


@contextmanager
def own_signals() -> Generator[None]:
    """Keep the handlers of this process."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def status_of(*arguments: str) -> int:
    """Run the command; return its exit code."""
    with own_signals(), pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@contextmanager
def serving(*options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Start the command on a free port; yield the process and the base URL that it prints."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *options],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("rerank-mock ready at http://"), process.communicate()
            yield process, line.split()[-1]
        finally:
            process.kill()
