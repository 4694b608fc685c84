"""Runs a client as a process, whatever it prints and whoever keeps its pipes."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

#: The most bytes that are kept of each stream of a client: its last ones.
KEPT = 1 << 20

#: How long a process that a client leaves behind may keep its pipes open, in seconds.
PATIENCE = 1.0


class Output(NamedTuple):
    """What a process printed, and whether it had to be stopped."""

    printed: str
    complained: str
    stopped: bool


def run_process(
    command: Sequence[str], environment: Mapping[str, str], task: str, seconds: float
) -> Output:
    """Run a command with a task on its standard input. Raises `OSError`."""
    with subprocess.Popen(  # noqa: S603 - what the user asked for
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        printed, complained = _Tail(process.stdout), _Tail(process.stderr)
        threading.Thread(target=_write, args=(process.stdin, task), daemon=True).start()
        stopped = False
        try:
            process.wait(timeout=seconds)
            # What it has left in the background may still print.
            printed.wait()
            complained.wait()
        except subprocess.TimeoutExpired:
            stopped = True
        finally:
            # An interrupt ends the client too, which is in a session of its own.
            _end(process)
        return Output(printed.text(), complained.text(), stopped)


class _Tail:
    """Reads a stream to its end in the background, and keeps the last of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._kept = b""
        # A file of its own: another process may keep the stream open for ever.
        number = os.dup(stream.fileno())
        self._thread = threading.Thread(target=self._read, args=(number,), daemon=True)
        self._thread.start()

    def _read(self, number: int) -> None:
        while piece := os.read(number, 1 << 16):
            self._kept = (self._kept + piece)[-KEPT:]
        os.close(number)

    def wait(self) -> None:
        """Wait for the end of the stream, but not for ever."""
        self._thread.join(PATIENCE)

    def text(self) -> str:
        """Return what came until the end of the stream, if that comes soon."""
        self.wait()
        return self._kept.decode("utf-8", "backslashreplace")


def _write(stream: IO[bytes], task: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.write(task.encode())
        stream.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and those that it has started in its session."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
