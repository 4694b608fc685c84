"""Ctrl-C ends a run as its end does: with the verdict and the reports, about what was judged."""

import signal
from collections.abc import Generator
from typing import Any

import pytest

BEFORE = "interrupted before the first test"
MEANWHILE = "interrupted: the report is about what was judged until then"


class Interruption:
    """A plugin of pytest that stops the run at Ctrl-C, in place of pytest's own words on it."""

    def __init__(self) -> None:
        #: Whether it came.
        self.came = False
        self._handler: Any = None

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stop while the target is asked what it serves."""
        try:
            return (yield)
        except KeyboardInterrupt:
            return self._stop(session, BEFORE)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stop in the middle of a test."""
        try:
            return (yield)
        except session.Interrupted:
            # So pytest calls a run that a test has stopped.
            raise
        except KeyboardInterrupt:
            return self._stop(session, MEANWHILE)

    def pytest_unconfigure(self) -> None:
        """Listen to Ctrl-C again."""
        if self.came:
            signal.signal(signal.SIGINT, self._handler)

    def _stop(self, session: pytest.Session, why: str) -> bool:
        self.came = True
        # The reports are written in a moment, and a second Ctrl-C would lose them.
        self._handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        session.shouldstop = why
        return True
