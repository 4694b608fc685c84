"""What the served mock holds in memory after many requests, beside what it holds after a few."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from .requests import REQUESTS, SHORT
from .served import BURST, Crowd, mock_served

FEW = 10_000
CONNECTIONS = 16
#: The most that it is to hold, as a multiple of what it held after a few.
GOAL = 1.1

HEAD = """\
| requests | memory | of that after the first 10,000 | goal |
|--:|--:|--:|--:|"""


def memory(requests: int) -> Iterator[str]:
    """Send so many requests, no two alike; yield a row after 1, 2, 5, 10, … times a few."""
    with mock_served() as mock, ExitStack() as stack:
        crowd = Crowd(mock, CONNECTIONS, stack)
        sent, first = 0, 0.0
        for wanted in steps(requests):
            while sent < wanted:
                crowd.post("/v1/rerank", REQUESTS[SHORT])
                sent += BURST
            held = resident(mock.pid)
            first = first or held
            yield f"| {wanted:,} | {held:.0f} MB | **{held / first:.2f}** | ≤ {GOAL} |"


def steps(requests: int) -> Iterator[int]:
    """Yield 1, 2, 5, 10, … times a few, and at last how many requests there are."""
    size = FEW
    while size < requests:
        yield from (each for each in (size, 2 * size, 5 * size) if each < requests)
        size *= 10
    yield requests


def resident(pid: int) -> float:
    """Return the memory that a process holds, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["VmRSS"].split()[0]) / 1000
