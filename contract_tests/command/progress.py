"""How far a run has come, as a bar on a terminal; elsewhere pytest prints its plain lines."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..wording import counted

WIDTH = 30


@contextmanager
def bar(path: Path) -> Generator[Callable[[int], None]]:
    """Draw how much of a file was read, if standard error is a terminal, and wipe it away."""
    whole, done, drawn = max(path.stat().st_size, 1), 0, -1

    def progress(size: int) -> None:
        nonlocal done, drawn
        done += size
        percent = min(100 * done // whole, 100)
        if sys.stderr.isatty() and percent != drawn:
            drawn = percent
            full = WIDTH * percent // 100
            signs = "█" * full + "░" * (WIDTH - full)
            print(f"\r{signs} {percent} % of {path.name}", end="", file=sys.stderr, flush=True)

    try:
        yield progress
    finally:
        if drawn >= 0:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


@contextmanager
def line() -> Generator[Callable[[str], None]]:
    """Draw one line again and again, if standard error is a terminal, and wipe it away."""
    is_terminal = sys.stderr.isatty()

    def draw(text: str) -> None:
        if is_terminal:
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)

    try:
        yield draw
    finally:
        draw("")


class ProgressBar:
    """A plugin of pytest that draws one line again and again; no letter for each test."""

    def __init__(self) -> None:
        self._done, self._failed = 0, False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice what fails; how much that is, only the report can say."""
        self._failed |= report.failed

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(
        self,
    ) -> Generator[None, tuple[str, Any, Any], tuple[str, str, str]]:
        """Print no letters: only the category counts."""
        category, _, _ = yield
        return category, "", ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Draw the bar while tests run, and wipe it away."""
        self._terminal: Any = session.config.pluginmanager.getplugin("terminalreporter")
        self._all = len(session.items)
        # Where other processes run the tests, these say how many there are.
        if self._all:
            self._draw()
        try:
            return (yield)
        finally:
            self._terminal.rewrite("", erase=True)
            self._terminal.rewrite("")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Learn from another process how many tests there are."""
        self._all = len(ids)

    def pytest_runtest_logfinish(self) -> None:
        """Draw the bar again."""
        self._done += 1
        self._draw()

    def _draw(self) -> None:
        full = WIDTH * self._done // max(self._all, 1)
        bar = "█" * full + "░" * (WIDTH - full)
        failed = ", failures found" if self._failed else ""
        self._terminal.rewrite(
            f"{bar} {self._done} of {counted(self._all, 'test')}{failed}", erase=True
        )
