"""What was found out about the clients at a target, and the verdict that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from .clients import Client
from .tasks import Outcome


class Verdict(str, Enum):
    """The verdict on all clients together."""

    WORKS = "works"
    FAILS = "fails"
    #: Not all could be tried.
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Found:
    """What became of a task."""

    outcome: Outcome
    #: How, in one line; empty where there is nothing to say.
    says: str = ""


@dataclass(frozen=True)
class Row:
    """What became of a client's tasks."""

    client: Client
    #: Id of each task -> what became of it.
    found: Mapping[str, Found]

    def has(self, outcome: Outcome) -> bool:
        """Whether a task came out so."""
        return any(found.outcome is outcome for found in self.found.values())


@dataclass(frozen=True)
class Report:
    """What was found out."""

    target: str
    model: str
    #: Why the target could not be asked at all; empty if it could.
    trouble: str = ""
    rows: Sequence[Row] = ()
    #: Id of each task that the target does not do itself -> why.
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def verdict(self) -> Verdict:
        """The worst outcome decides; where nothing works, nothing is shown."""
        if any(row.has(Outcome.FAILS) for row in self.rows):
            return Verdict.FAILS
        tried = [row for row in self.rows if not row.has(Outcome.NOT_TRIED)]
        works = any(row.has(Outcome.WORKS) for row in tried)
        all_tried = works and len(tried) == len(self.rows)
        return Verdict.WORKS if all_tried else Verdict.INCONCLUSIVE
