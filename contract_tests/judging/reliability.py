"""Reliability: how fast the target answers, and how often only when it is asked again."""

import math
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock

#: Percentiles of the latency that a report gives; 100 is the slowest answer.
PERCENTILES = (50, 90, 99, 100)
#: What a request without an answer is called.
LOST = "connection lost"


@dataclass
class Reliability:
    """What a run has seen of it."""

    #: Requests that were answered, each once, however often it was sent.
    answered: int = 0
    #: What the target did at first -> requests that it answered only when asked again.
    asked_again: Counter[str] = field(default_factory=lambda: Counter({"status 500": 0, LOST: 0}))
    #: How long each answer took, in seconds.
    latencies: list[float] = field(default_factory=list[float])
    _lock: Lock = field(default_factory=Lock, repr=False)

    def answer(self, trouble: str | None) -> None:
        """Count a request that was answered in the end; `trouble` is what came at first."""
        with self._lock:
            self.answered += 1
            if trouble is not None:
                self.asked_again[trouble] += 1

    def merge(self, other: "Reliability") -> None:
        """Take over what another process of the run has seen."""
        self.answered += other.answered
        self.asked_again.update(other.asked_again)
        self.latencies += other.latencies

    def percentiles(self) -> dict[int, float]:
        """Percentile -> seconds within which that share of the answers came; empty without any."""
        ordered = sorted(self.latencies)
        return {
            share: ordered[math.ceil(share / 100 * len(ordered)) - 1]
            for share in PERCENTILES
            if ordered
        }
