"""What a run may spend: examples, requests, and time spent waiting."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True)
class Effort:
    """How hard to look."""

    name: str
    #: Examples that each property draws.
    examples: int
    #: Most requests for each form that is judged.
    requests: int
    #: Whether every wrong type is tried, or the telling ones alone.
    every_fault: bool
    #: Requests that making one counterexample smaller may cost.
    shrinking: int


EFFORTS = {
    effort.name: effort
    for effort in (
        Effort("smoke", examples=1, requests=60, every_fault=False, shrinking=5),
        Effort("standard", examples=3, requests=400, every_fault=True, shrinking=20),
        Effort("thorough", examples=25, requests=4000, every_fault=True, shrinking=100),
    )
}


@dataclass
class Budget:
    """The requests of a run."""

    limit: int
    #: Whether the limit counts requests that a busy target did not answer, too.
    hard: bool = True
    spent: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take(self) -> bool:
        """Spend one request; False where none is left."""
        with self._lock:
            if self.spent >= self.limit:
                return False
            self.spent += 1
            return True

    def excuse(self) -> None:
        """Let the last request, which a busy target did not answer, not count."""
        if not self.hard:
            with self._lock:
                self.limit += 1


@dataclass
class Patience:
    """How long to wait for a target that is busy or limits its rate."""

    #: Longest wait for one answer, in seconds.
    longest: float = 60.0
    #: Seconds left for the whole run.
    left: float = 300.0
    sleep: Callable[[float], None] = field(default=time.sleep)

    def waits(self, retry_after: str | None) -> bool:
        """Wait as long as the target asks for. False where that is too long, or not said."""
        seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
        return seconds is not None and self._wait(seconds)

    def backoff(self) -> Iterator[float]:
        """Wait 1, 2, 4, … seconds, once for each item, as long as the patience lasts."""
        seconds = 1.0
        while self._wait(seconds):
            yield seconds
            seconds *= 2

    def _wait(self, seconds: float) -> bool:
        if seconds > min(self.longest, self.left):
            return False
        self.left -= seconds
        self.sleep(seconds)
        return True
