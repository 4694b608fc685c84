"""Long work beside the event loop: one at a time, in a thread that does not hold up the end."""

import asyncio
import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")

#: How long another thread waits for its turn while this one computes, in seconds. With the usual
#: 5 ms, large uploads made small requests wait for 300 ms.
SWITCH_SECONDS = 0.0005


class Aside:
    """Does long work one after the other, in the order in which it came."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def do(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns; other tasks go on meanwhile."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[Result] = loop.create_future()
            # A thread of an executor would have to end before the process can.
            threading.Thread(target=_work, args=(work, loop, done), daemon=True).start()
            return await done


def _work(
    work: Callable[[], Result], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Result]"
) -> None:
    settle: Callable[[], None]
    try:
        with _yielding(), _uncollected():
            result = work()
    except Exception as error:  # noqa: BLE001 - raised where the work is awaited
        failure = error
        settle = lambda: None if done.done() else done.set_exception(failure)  # noqa: E731
    else:
        settle = lambda: None if done.done() else done.set_result(result)  # noqa: E731
    # A loop that has stopped awaits nothing.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)


@contextlib.contextmanager
def _yielding() -> Generator[None]:
    """Let other threads in sooner. The loop has to wait for its turn several times per request."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, SWITCH_SECONDS))
    try:
        yield
    finally:
        # Beside other long work it is short already, and that work restores it.
        if usual > SWITCH_SECONDS:
            sys.setswitchinterval(usual)


@contextlib.contextmanager
def _uncollected() -> Generator[None]:
    """Keep the garbage collector away: with a million objects each of its rounds takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
