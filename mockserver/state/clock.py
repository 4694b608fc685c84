"""The clock of the mock: real time until a test freezes or advances it."""

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

#: The end of the year 9999, beyond which there are no dates.
LAST = 253402300799.0


class Clock:
    """Follows real time until it is frozen; then it moves only when advanced.

    All times are seconds since the epoch, UTC. A clock that resumes goes on from the time it
    shows, so skipped time stays skipped.
    """

    def __init__(self, at: float | None = None, *, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._frozen_at = None if at is None else _valid(at)
        #: Makes a change of this clock, for everybody who shares it.
        self.share: Callable[[Callable[[], None]], None] = _alone

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen; then delays advance it instead of sleeping."""
        return self._frozen_at is not None

    def now(self) -> float:
        """Return the time."""
        frozen_at = self._frozen_at
        if frozen_at is not None:
            return frozen_at
        now = self._source() + self._ahead
        # In whole microseconds; `round(now, 6)` takes four times as long.
        return round(now * 1e6) / 1e6 if 0.0 <= now <= LAST else min(max(now, 0.0), LAST)

    def freeze(self, at: float | datetime | None = None) -> None:
        """Freeze at `at`, which may lie in the past, or at the current time.

        A `datetime` without a time zone is UTC.
        """
        if isinstance(at, datetime):
            at = (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
        if not _is_number(0 if at is None else at):
            raise TypeError(f"freeze takes seconds since the epoch or a datetime, not {at!r}")
        self.share(partial(self._freeze, at))

    def _freeze(self, at: float | None) -> None:
        with self._lock:
            self._frozen_at = self.now() if at is None else _valid(at)

    def advance(self, seconds: float | timedelta) -> None:
        """Move forward, whether frozen or not."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        if not _is_number(seconds):
            raise TypeError(f"advance takes seconds or a timedelta, not {seconds!r}")
        if not seconds >= 0:
            raise ValueError(f"time only moves forward, not by {seconds} s")
        self.share(partial(self._advance, seconds))

    def _advance(self, seconds: float) -> None:
        with self._lock:
            then = _valid(self.now() + seconds)
            if self._frozen_at is None:
                self._ahead += seconds
            else:
                self._frozen_at = then

    def skip(self, seconds: float) -> float:
        """Return how long to sleep for the time to pass; a frozen clock advances and returns 0."""
        if not self.frozen:
            return seconds
        self.advance(min(seconds, LAST - self.now()))
        return 0.0

    def resume(self) -> None:
        """Let the clock run on from the time it shows."""
        self.share(self._resume)

    def _resume(self) -> None:
        with self._lock:
            if self._frozen_at is not None:
                # In this order: `now` takes no lock.
                self._ahead = self._frozen_at - self._source()
                self._frozen_at = None

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the clock as JSON."""
        with self._lock:
            return {"frozen_at": self._frozen_at, "ahead": self._ahead}

    def rollback(self, snapshot: dict[str, Any]) -> None:
        """Restore the state of the snapshot."""
        with self._lock:
            self._ahead = snapshot["ahead"]
            frozen_at = snapshot["frozen_at"]
            self._frozen_at = None if frozen_at is None else _valid(frozen_at)


def _alone(change: Callable[[], None]) -> None:
    change()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _valid(at: float) -> float:
    if not (math.isfinite(at) and 0 <= at <= LAST):
        raise ValueError(f"a time must be from 0 to {LAST:.0f} seconds, not {at}")
    # Whole microseconds: a minute in two steps is a minute in one.
    return round(float(at), 6)
