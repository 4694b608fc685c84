"""Advice of the mock on recorded requests: a process of its own, as nothing of it is imported."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..client.mock_process import Mock
from ..contract import AnyJson
from ..report.model import Advised
from .recordings import Recorded

#: Most requests, and most characters of them, that the mock is asked about at once.
BATCH, BATCH_LENGTH = 500, 4 * 1024 * 1024
#: From the worst to the mildest.
SEVERITIES = ("breach", "mistake", "remark")


@dataclass
class Adviser:
    """Asks the mock about requests, and counts what it says."""

    mock: Mock
    #: The mildest severity that makes the verdict `violates`; None for none.
    fail_on: str | None
    _waiting: list[Recorded] = field(default_factory=list[Recorded])
    _length: int = 0
    _found: dict[str, Advised] = field(default_factory=dict[str, Advised])

    def take(self, recorded: Recorded) -> None:
        """Ask about one request, now or together with later ones. Raises `MockError`."""
        self._waiting.append(recorded)
        self._length += len(recorded.sent["body"])
        if len(self._waiting) == BATCH or self._length > BATCH_LENGTH:
            self.flush()

    def flush(self) -> None:
        """Ask about those that wait: what follows is not compared with them."""
        if not self._waiting:
            return
        advice = self.mock.advise([recorded.sent for recorded in self._waiting])
        for recorded, rows in zip(self._waiting, advice, strict=True):
            # One request may get the same advice on several fields.
            for row in {row["id"]: row for row in reversed(rows)}.values():
                if row["id"] not in recorded.unadvised:
                    self._count(recorded, row)
        self._waiting, self._length = [], 0

    def advice(self) -> Iterator[Advised]:
        """What was advised, the worst first."""
        for severity in SEVERITIES:
            yield from (found for found in self._found.values() if found.severity == severity)

    def _count(self, recorded: Recorded, row: AnyJson) -> None:
        known = self._found.get(row["id"])
        if known:
            self._found[row["id"]] = replace(known, requests=known.requests + 1)
            return
        mildest = SEVERITIES.index(self.fail_on) if self.fail_on else -1
        fails = SEVERITIES.index(row["severity"]) <= mildest
        self._found[row["id"]] = Advised(**row, place=recorded.place, requests=1, fails=fails)
