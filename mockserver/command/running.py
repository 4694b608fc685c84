"""Run a command beside the mock: it gets the signals, and its exit code is ours.

What a terminal sends, such as Ctrl-C, the command gets from there, and only what a process sends is
passed on. A handler cannot tell the two apart, so signals are held back and fetched one by one.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from .parser import CommandError

#: What is passed on to the command.
SIGNALS = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if name in signal.Signals.__members__
]

#: What a terminal sends to all in the foreground, when a key is pressed.
_OF_TERMINALS = [number for number in SIGNALS if number.name in ("SIGINT", "SIGQUIT")]

#: How long to wait for a signal before looking after the command, in seconds: a thread that was
#: started elsewhere may have taken the one that it ended with.
_PATIENCE = 1.0


@contextmanager
def held_signals() -> Generator[None]:
    """Hold signals back in this thread, and in those that are started here."""
    if sys.platform in ("win32", "darwin"):
        # There a held signal cannot be fetched with its origin.
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [*SIGNALS, signal.SIGCHLD])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    command: Sequence[str], environment: Mapping[str, str], look: Callable[[], None] = lambda: None
) -> int:
    """Return the exit code of the command as a shell would. Raises `CommandError`.

    `look` is called from time to time, and whenever another process has ended.
    """
    relay = _Relay()
    before = {number: signal.signal(number, relay) for number in SIGNALS}
    try:
        with _open_signals():
            process = subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        raise CommandError(f"cannot run {command[0]}: {error.strerror}", status) from None
    except ValueError as error:
        raise CommandError(f"cannot run {command[0]!r}: {error}", 126) from None
    else:
        relay.start(process)
        status = _attend(process, look)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


@contextmanager
def _open_signals() -> Generator[None]:
    """Let signals through: a command inherits which are held back."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, [*SIGNALS, signal.SIGCHLD])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attend(process: "subprocess.Popen[bytes]", look: Callable[[], None]) -> int:
    """Pass signals on until the command ends; return its status."""
    if sys.platform in ("win32", "darwin"):
        while (status := process.poll()) is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            look()
        return status
    with held_signals():
        while (status := process.poll()) is None:
            look()
            found = signal.sigtimedwait([*SIGNALS, signal.SIGCHLD], _PATIENCE)
            if found and found.si_signo in SIGNALS and not _is_of_terminal(found):
                process.send_signal(found.si_signo)
        while signal.sigtimedwait(SIGNALS, 0):
            pass  # too late for the command, and not meant for us
        return status


def _is_of_terminal(found: "signal.struct_siginfo") -> bool:
    # The kernel, which sends for the terminal, has a positive code; processes have none.
    return found.si_signo in _OF_TERMINALS and found.si_code > 0


class _Relay:
    """Passes signals on, those too that come before the command has started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif not _came_from_terminal(number):
            self._process.send_signal(number)

    def start(self, process: "subprocess.Popen[bytes]") -> None:
        """Begin to pass them on."""
        self._process = process
        for number in self._early:
            process.send_signal(number)


def _came_from_terminal(number: int) -> bool:
    """Return whether the command has probably got the signal, too."""
    if sys.platform == "win32" or number not in _OF_TERMINALS:
        return False
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        # There is no terminal.
        return False
