"""Ctrl-C and SIGTERM end a run as its end does: with the verdict, about what was judged."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import pytest

BEFORE = "interrupted before the first test"
MEANWHILE = "interrupted: the report is about what was judged until then"

#: What ends a run, and who takes it where nobody has asked for it.
_USUAL: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    getattr(signal, "SIGHUP", signal.SIGTERM): signal.SIG_DFL,
}
#: Where an exception must not be raised, and how soon it may be instead, in seconds.
_TAKING = frozenset({"__enter__", "__exit__"})
_LATER = 0.01


@contextmanager
def raising_on_sigterm() -> Generator[None]:
    """Have SIGTERM, SIGHUP and SIGQUIT raise: processes in sessions of their own are ended, too."""
    known = [getattr(signal, name, signal.SIGTERM) for name in ("SIGTERM", "SIGHUP", "SIGQUIT")]
    # Under nohup a closed terminal ends nothing.
    numbers = [each for each in {*known} if signal.getsignal(each) != signal.SIG_IGN]
    before = {number: signal.signal(number, _end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


class Interruption:
    """A plugin of pytest that stops the run at a signal, in place of pytest's own words on it."""

    def __init__(self) -> None:
        #: Whether it came.
        self.came = False
        self._is_started = False
        #: Signals that it has taken.
        self._taken: list[int] = []

    def pytest_configure(self) -> None:
        """Listen to the signals, unless somebody else does, or they are ignored."""
        if threading.current_thread() is threading.main_thread():
            self._taken = [each for each in _USUAL if signal.getsignal(each) == _USUAL[each]]
        for number in self._taken:
            signal.signal(number, self._interrupt)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None]:
        """Stop while processes are started, and the target is asked what it serves before that."""
        try:
            return (yield)
        except KeyboardInterrupt:
            if not self._is_started:
                raise
            self._stop(session, BEFORE)

    @pytest.hookimpl(trylast=True, specname="pytest_sessionstart")
    def pytest_note_start(self) -> None:
        """Note that pytest's own parts have begun, without which the session could not end."""
        self._is_started = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stop while the target is asked what it serves."""
        try:
            return (yield)
        except KeyboardInterrupt:
            return self._stop(session, BEFORE)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stop in the middle of a test."""
        try:
            return (yield)
        except (session.Interrupted, KeyboardInterrupt) as error:
            # pytest and pytest-xdist have errors of such kinds for a run that a test has stopped.
            if type(error) is not KeyboardInterrupt and not self.came:
                raise
            return self._stop(session, MEANWHILE)

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtestloop")
    def pytest_run_nothing(self) -> bool | None:
        """Run no test after what has stopped the run before the first."""
        return True if self.came else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Stop in the middle of a test, too, where what the signal raised has become an error."""
        try:
            return (yield)
        except Exception:
            if not self.came:
                raise
            raise KeyboardInterrupt from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Stop after the test, where something has caught what the signal raised."""
        if self.came:
            item.session.shouldstop = MEANWHILE

    def pytest_unconfigure(self) -> None:
        """Listen no more."""
        for number in self._taken:
            signal.signal(number, _USUAL[number])

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name in _TAKING:
            # A lock that is taken there would never be released, and all that follows would wait.
            here = threading.main_thread().ident
            threading.Timer(_LATER, signal.pthread_kill, [here, number]).start()
        elif not self.came:
            # The reports are written in a moment, and a second signal would lose them.
            self.came = True
            raise KeyboardInterrupt

    def _stop(self, session: pytest.Session, why: str) -> bool:
        self.came = True
        session.shouldstop = why
        return True


class Shield:
    """A plugin that keeps the signals from processes that are started, until they can end well."""

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self) -> Generator[None]:
        """Hold them back, as do the processes that are started meanwhile."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _USUAL)
        try:
            return (yield)
        finally:
            let_through()

    @pytest.hookimpl(wrapper=True, optionalhook=True)
    def pytest_xdist_setupnodes(self) -> Generator[None]:
        """Let them through while the target is asked what it serves, before there are processes."""
        let_through()
        result = yield
        signal.pthread_sigmask(signal.SIG_BLOCK, _USUAL)
        return result


def let_through() -> None:
    """Let the signals through to this process, now and where they have come in the meantime."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _USUAL)
