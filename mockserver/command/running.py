"""Run a command beside the mock: it gets the signals, and its exit code is ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from .parser import CommandError

#: What is passed on to the command.
SIGNALS = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if name in signal.Signals.__members__
]


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return the exit code of the command as a shell would. Raises `CommandError`."""
    relay = _Relay()
    before = {number: signal.signal(number, relay) for number in SIGNALS}
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        raise CommandError(f"cannot run {command[0]}: {error.strerror}", status) from None
    except ValueError as error:
        raise CommandError(f"cannot run {command[0]!r}: {error}", 126) from None
    else:
        relay.start(process)
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


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
    """Return whether the command has got the signal, too: Ctrl-C is for all in the foreground."""
    if sys.platform == "win32" or number not in (signal.SIGINT, signal.SIGQUIT):
        return False
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        # There is no terminal.
        return False
