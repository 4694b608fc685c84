"""CPU per call of a subject and of its baseline, side by side.

Wall-clock time on a shared machine says more about the neighbours than about the code, and CPU
time drifts with the speed of the processor. So both sides take turns in short batches, each round
gives a ratio of its own, and the median of the ratios is the figure.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

#: The least CPU that a batch takes, in seconds; well above the resolution of the clocks.
BATCH = 0.02


@dataclass(frozen=True, slots=True)
class Side:
    """A call, and a clock of what it costs, in seconds; most tell the CPU of a process."""

    call: Callable[[], object]
    clock: Callable[[], float] = time.process_time
    #: How many requests a call makes.
    requests: int = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """A subject that is measured against a baseline."""

    subject_name: str
    baseline_name: str
    #: Which of the `requests.REQUESTS` both sides work on.
    request: str
    subject: Side
    baseline: Side
    #: The greatest ratio that is aimed at.
    goal: float | None = None
    #: How often the two sides take turns.
    rounds: int = 41


@dataclass(frozen=True, slots=True)
class Figure:
    """What came of a comparison: seconds per request, and the ratio of the two sides."""

    subject: float
    baseline: float
    #: The median over all rounds.
    ratio: float
    #: The first and the third quartile: half of all rounds lie between them.
    spread: tuple[float, float]


def compare(comparison: Comparison, rounds: int) -> Figure:
    """Let both sides take turns, `rounds` times; at least twice, for there to be a spread."""
    sides = (comparison.subject, comparison.baseline)
    sizes = [_batch_size(side) for side in sides]
    subject: list[float] = []
    baseline: list[float] = []
    for _ in range(rounds):
        for side, size, seconds in zip(sides, sizes, (subject, baseline), strict=True):
            seconds.append(_batch(side, size) / size / side.requests)
    ratios = [ours / bare for ours, bare in zip(subject, baseline, strict=True)]
    first, middle, third = quantiles(ratios, n=4, method="inclusive")
    return Figure(median(subject), median(baseline), middle, (first, third))


def rounded(number: float) -> str:
    """Print two significant digits, never as a power of ten."""
    digits = max(0, 1 - math.floor(math.log10(number)))
    return f"{float(f'{number:.1e}'):,.{digits}f}"


def _batch_size(side: Side) -> int:
    """Return how many calls make a batch; finding out warms the side up."""
    size = 1
    while _batch(side, size) < BATCH:
        size *= 2
    return size


def _batch(side: Side, size: int) -> float:
    begin = side.clock()
    for _ in range(size):
        side.call()
    return side.clock() - begin
