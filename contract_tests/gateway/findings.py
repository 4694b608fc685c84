"""What is found out about a gateway: verdicts, freedoms, and what became of each field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from .passages import Passage


class Verdict(Enum):
    """What is said of one check."""

    KEPT = "kept"
    #: Callers are harmed.
    BROKEN = "broken"
    #: It is not as without the gateway, and callers can live with that.
    DIFFERS = "differs"
    #: Nothing has shown it.
    NOT_SEEN = "not seen"


#: From the worst: what is found out later replaces what is milder.
_WORST = (Verdict.BROKEN, Verdict.DIFFERS, Verdict.KEPT, Verdict.NOT_SEEN)

#: Id of each check -> what is right.
CHECKS: Mapping[str, str] = {
    "field.model": "upstream is asked for the model that the caller named",
    "field.query": "the query reaches upstream",
    "field.documents": "the documents reach upstream",
    "field.documents.string": "a single text is ranked as one document",
    "field.documents.objects": "documents as objects reach upstream",
    "field.top_n": "`top_n` takes effect",
    "field.return_documents": "`return_documents` takes effect",
    "field.instruction": "`instruction` reaches upstream",
    "field.max_chunks_per_doc": "`max_chunks_per_doc` reaches upstream",
    "field.overlap_tokens": "`overlap_tokens` reaches upstream",
    "field.added": "no field that changes the ranking is added",
    "text.forwarded": "every text reaches upstream character by character",
    "text.returned": "every text comes back character by character",
    "ranking.index": "an index is the place of the document in the caller's list",
    "ranking.score": "scores are those of upstream",
    "ranking.complete": "every result that is due comes back",
    "ranking.order": "results are sorted by falling score",
    "ranking.duplicates": "equal documents have a result each, at their own places",
    "ranking.empty": "an empty document does not shift the others",
    "ranking.many": "many documents are ranked as one list",
    "answer.shape": "an answer has the shape that upstream's has, and its content type",
    "answer.id": "each answer has an id of its own",
    "answer.trace_id": "the trace id of upstream comes back",
    "answer.tokens": "`meta.tokens` is what upstream has counted",
    "failure.rate_limited": "a 429 of upstream tells the caller to come again",
    "failure.overloaded": "a 503 of upstream tells the caller to come again",
    "failure.timeout": "a 504 of upstream is a failure that may pass",
    "failure.key": "upstream's refusal of the gateway's key does not blame the caller's",
    "failure.balance": "an empty account at upstream does not look like a wrong key",
    "failure.model": "a 403 of upstream does not blame the caller's key",
    "failure.request": "a 400 of upstream stays the caller's to correct",
    "failure.connection": "a lost connection to upstream is a failure of the gateway's side",
    "failure.hanging": "a caller gets an answer in time although upstream never answers",
    "failure.garbage": "an answer of upstream that is no ranking is not made one",
    "failure.retry_after": "`Retry-After` of upstream is not shortened",
    "key.required": "a caller without a valid key is refused",
    "key.caller": "the caller's key does not reach upstream",
    "key.upstream": "upstream's key does not reach the caller",
    "calls.bounded": "a failing upstream is not asked more than 10 times for one request",
    "calls.once": "no document is ranked, and paid, more often than it was sent",
    "sharing.concurrent": "each of several callers at once gets the answer to its own request",
    "sharing.cache": "an answer that was kept is given only to the same request of a valid caller",
}


@dataclass(frozen=True)
class Finding:
    """What was found out about one check."""

    check: str
    verdict: Verdict
    #: One line.
    says: str
    #: The passages that show it.
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class Freedom:
    """Something that a gateway may do or leave, and what this one does."""

    id: str
    question: str
    seen: str


@dataclass(frozen=True)
class FieldRow:
    """What became of one field, on both ways."""

    name: str
    sent: str
    forwarded: str
    answered: str
    passed_back: str
    #: In a few words.
    how: str


@dataclass(frozen=True)
class FailureRow:
    """What became of one failure of upstream."""

    name: str
    #: The status at the front.
    passed_back: str
    #: How often upstream was asked for the one request.
    calls: int
    verdict: Verdict


@dataclass(frozen=True)
class Latency:
    """Milliseconds for a request through the gateway, and for the same without it."""

    requests: int
    median: float
    p95: float
    direct_median: float
    direct_p95: float


@dataclass
class Notes:
    """Collects what is found out; a worse verdict replaces a milder one."""

    rows: list[FieldRow] = field(default_factory=list[FieldRow])
    failures: list[FailureRow] = field(default_factory=list[FailureRow])
    freedoms: list[Freedom] = field(default_factory=list[Freedom])
    latency: Latency | None = None
    _found: dict[str, Finding] = field(default_factory=dict[str, Finding])

    def add(self, check: str, verdict: Verdict, says: str, *passages: Passage) -> None:
        """Note one observation."""
        known = self._found.get(check)
        if known is None or _WORST.index(verdict) < _WORST.index(known.verdict):
            self._found[check] = Finding(check, verdict, says, passages)

    def findings(self) -> tuple[Finding, ...]:
        """One for each check that was tried, in their order."""
        return tuple(self._found[check] for check in CHECKS if check in self._found)


@dataclass(frozen=True)
class Report:
    """All that was found out about a gateway."""

    target: str
    upstream: str
    findings: tuple[Finding, ...]
    freedoms: tuple[Freedom, ...]
    rows: tuple[FieldRow, ...]
    failures: tuple[FailureRow, ...]
    latency: Latency | None
    #: Requests at the front, and calls of upstream.
    requests: int
    calls: int
    #: Why nothing could be found out; empty where something was.
    trouble: str = ""

    @property
    def verdict(self) -> str:
        """The verdict in one word, as `check` has it."""
        if self.trouble:
            return "inconclusive"
        return "violates" if self.of(Verdict.BROKEN) else "conforms"

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with a verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)
