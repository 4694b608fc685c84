"""Several processes that serve on one socket, and what looks after them."""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import NoReturn

from .parser import CommandError
from .running import SIGNALS, held_signals

LOG = logging.getLogger(__name__)

#: How long workers have to end before they are killed, in seconds.
GRACE = 5.0

#: How long to wait after a worker that could not start, in seconds.
PAUSE = 1.0

#: Serves in this process, and calls what it is given once it is ready.
Work = Callable[[Callable[[], None]], None]


class Workers:
    """The workers; one that ends is replaced."""

    def __init__(self, count: int, work: Work) -> None:
        if sys.platform == "win32":
            raise CommandError("--workers needs a system that can fork")
        self._count = count
        self._work = work
        #: The numbers of their processes.
        self._running: set[int] = set()
        # A worker ends when it can no longer read from here: its parent has gone.
        self._alive, self._living = os.pipe()

    def start(self) -> None:
        """Start all, and wait until they are ready. Raises `CommandError`."""
        for ready in [self._fork() for _ in range(self._count)]:
            self._await(ready)

    def supervise(self) -> NoReturn:
        """Replace each worker that ends, for ever."""
        while True:
            self._replace(*os.wait())

    def renew(self) -> None:
        """Replace those that have ended."""
        for number in [*self._running]:
            ended, status = os.waitpid(number, os.WNOHANG)
            if ended:
                self._replace(number, status)

    def _replace(self, number: int, status: int) -> None:
        self._running.discard(number)
        LOG.warning("worker %d %s: another one takes its place", number, _how(status))
        try:
            self._await(self._fork())
        except CommandError as error:
            # The others serve on, and it is replaced in its turn, but not as fast as it ends.
            LOG.error("%s", error)
            time.sleep(PAUSE)

    def stop(self) -> None:
        """Ask all to end, and kill those that do not."""
        for number in self._running:
            # One may have ended just before this process was asked to.
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while self._running:
            try:
                number, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if number:
                self._running.discard(number)
            elif time.monotonic() < deadline:
                time.sleep(0.01)
            else:
                for late in self._running:
                    os.kill(late, signal.SIGKILL)
                deadline = float("inf")

    def _fork(self) -> int:
        """Start a worker; return a descriptor that tells whether it is ready."""
        ready, telling = os.pipe()
        # No handler of this process may run in the worker.
        with held_signals():
            number = os.fork()
            if not number:
                self._become_worker(telling)
            os.close(telling)
            self._running.add(number)
        return ready

    def _become_worker(self, telling: int) -> NoReturn:
        status = 1
        try:
            for number in SIGNALS:
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_DFL)
            # Ctrl-C reaches all processes, but the mock goes on as long as its parent does.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {*SIGNALS, signal.SIGCHLD} - {signal.SIGINT})
            os.close(self._living)
            threading.Thread(target=_end_with_parent, args=(self._alive,), daemon=True).start()
            self._work(lambda: os.close(telling) if os.write(telling, b"1") else None)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _await(self, ready: int) -> None:
        is_ready = os.read(ready, 1)
        os.close(ready)
        if not is_ready:
            raise CommandError("a worker has ended before it was ready", 1)


@contextmanager
def running(count: int, work: Work) -> Generator[Workers]:
    """Run workers until the end of the block."""
    workers = Workers(count, work)
    try:
        workers.start()
        yield workers
    finally:
        workers.stop()


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return (
        f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    )


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)
