"""On a terminal a bar shows how far the command has come; elsewhere it prints plain lines."""

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "contract_tests", "check", "--effort=smoke")


def on_a_terminal(*arguments: str, **environment: str) -> tuple[str, int]:
    """Run the command at a terminal; return what that was sent, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment},
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    sent = b""
    # The end of a terminal that nobody holds any more is an error of Linux.
    with contextlib.suppress(OSError):
        while True:
            sent += os.read(ours, 65536)
    os.close(ours)
    return sent.decode(), process.wait()


def test_a_bar_grows_on_a_terminal_and_is_wiped_away() -> None:
    sent, code = on_a_terminal("--only=request.top_n.count")
    first, *_, last = [line for line in sent.split("\r") if "tests" in line and "of" in line]
    assert first.startswith("░" * 30 + " 0 of ")
    assert last.startswith("█" * 30)
    assert "conforms" in sent.rpartition("█")[2]
    assert "....." not in sent.partition("rerank-contract ==")[0]
    assert code == 0


def test_the_bar_tells_that_something_has_failed() -> None:
    sent, code = on_a_terminal("--only=request.top_n.count", "--mutant=ignores top_n")
    assert " tests, failures found" in sent
    assert code == 1


def test_the_verdict_has_a_colour_on_a_terminal_unless_that_is_not_wanted() -> None:
    sent, _ = on_a_terminal("--only=request.top_n.count")
    assert "\x1b[32m\x1b[1mconforms: " in sent
    sent, _ = on_a_terminal("--only=request.top_n.count", NO_COLOR="1")
    assert "conforms: " in sent
    assert "\x1b[32m" not in sent


def test_elsewhere_there_is_no_bar() -> None:
    command = [*COMMAND, "--only=request.top_n.count"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert "█" not in done.stdout.decode()
    assert "\r" not in done.stdout.decode()
    assert "\x1b" not in done.stdout.decode()
