"""The report: what became of each requirement in one run. Every form of it is made of this."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ..checks.violations import Violation, shorten
from ..contract import Contract, Requirement
from ..exchanges import Request
from ..judging.causes import Cause
from ..judging.outcomes import Outcome, Verdict, verdict
from ..judging.probes import Sighting
from ..wording import counted
from .baseline import VALID, Deviation, State

#: What to call it.
TITLE = "rerank-contract"
#: The outcomes in the order of interest: what is wrong, what held, what was not tried.
INTERESTING = (
    Outcome.BROKEN,
    Outcome.FAILED,
    Outcome.INCONCLUSIVE,
    Outcome.DIFFERS,
    Outcome.KNOWN,
    Outcome.PASSED,
    Outcome.SKIPPED,
    Outcome.OFF,
)
#: Most ids that are named where many have the same reason.
NAMED = 8
#: Where `rerank-mock serve` serves the mock that is otherwise embedded.
SERVED = "http://127.0.0.1:8787/v1"


@dataclass(frozen=True)
class RequirementResult:
    """One requirement, and what became of it."""

    requirement: Requirement
    outcome: Outcome
    #: Why, where that needs a word.
    reason: str | None = None
    #: What the target was found to do where the contract leaves it open.
    observed: tuple[str, ...] = ()
    #: What shows a breach, the smallest first.
    violations: tuple[Violation, ...] = ()
    #: Number of the request that first showed a breach.
    first_broken: int | None = None
    #: Names of the tests that were after it.
    tests: tuple[str, ...] = ()
    #: Whether it could not be tried because something else does not hold.
    is_hindered: bool = False

    @property
    def section(self) -> str:
        """Section of the page that it stands in."""
        return self.requirement.source["section"] or ""

    @property
    def field(self) -> str:
        """What it is about in its section; empty where it is about all of it."""
        return self.requirement.source["field"] or ""

    @property
    def in_short(self) -> str:
        """What was found, in a line: the smallest violation, otherwise the reason."""
        for violation in self.violations[:1]:
            return f"expected {violation.expected}, received {shorten(violation.received)}"
        return self.reason or self.outcome.value

    @property
    def place(self) -> str:
        """Section and field."""
        return ", ".join(filter(None, (self.section, self.field)))


@dataclass(frozen=True)
class Fault:
    """One fault of the target: the requirement to look at first, and those that rest on it."""

    entry: RequirementResult
    others: tuple[RequirementResult, ...] = ()
    #: What could not be tried because of it.
    untried: tuple[RequirementResult, ...] = ()
    #: What all of them have in common; None where there is only one.
    cause: Cause | None = None

    @property
    def notes(self) -> list[str]:
        """What is to be said of it besides the first requirement."""
        notes = [self.entry.reason] if self.entry.reason else []
        if self.cause is not None:
            notes.append(f"{self.cause.trigger} gets {self.cause.answer}")
        if self.others:
            rest = counted(len(self.others), "more requirement rests", "more requirements rest")
            notes.append(f"{rest} on it: {named(self.others)}")
        if self.untried:
            count = f"{len(self.untried)} more" if self.others else f"{len(self.untried)}"
            notes.append(f"{count} could not be tried because of it: {named(self.untried)}")
        return notes


@dataclass(frozen=True)
class Access:
    """What a reader needs to reach the target as the run did."""

    #: Options of curl, quoted for a shell.
    curl: tuple[str, ...] = ()
    #: Environment variables that hold the keys.
    key: str = "SILICONFLOW_API_KEY"
    second_key: str = "SILICONFLOW_SECOND_API_KEY"

    def named(self, text: str) -> str:
        """A text with those variables in place of the usual ones."""
        return text.replace(USUAL.key, self.key).replace(USUAL.second_key, self.second_key)


USUAL = Access()


@dataclass(frozen=True)
class Advised:
    """What is advised on recorded requests, of one kind."""

    id: str
    #: breach, mistake or remark.
    severity: str
    sentence: str
    #: What to try, for the first of the requests.
    hint: str
    #: Where the first of them stands, such as `run.har, entry 3`.
    place: str
    requests: int
    #: Whether it makes the verdict `violates`.
    fails: bool

    @property
    def notes(self) -> list[str]:
        """What is to be said of it besides the sentence."""
        count = counted(self.requests, "request")
        return [self.hint, f"{count}, such as {self.place}"]


@dataclass(frozen=True)
class Audit:
    """What was read, where traffic was recorded before and nothing was sent."""

    files: tuple[str, ...]
    #: Rows that were read, and exchanges that were judged.
    rows: int
    judged: int
    #: Why rows were not judged -> how many were not.
    skipped: Mapping[str, int]
    #: Where and why the reading of a file ended before its end.
    troubles: tuple[str, ...] = ()
    #: The worst first.
    advice: tuple[Advised, ...] = ()
    #: Options of the command that audit in the same way again.
    options: tuple[str, ...] = ()

    @property
    def facts(self) -> list[str]:
        """How much was read, in words."""
        is_journal = "--follow" in self.options and "://" in self.files[0]
        files = "the journal" if is_journal else counted(len(self.files), "file")
        left_out = [f"{count} not judged: {reason}" for reason, count in self.skipped.items()]
        return [
            f"{counted(self.rows, 'entry', 'entries')} in {files}, {self.judged} judged",
            *left_out,
        ]


@dataclass(frozen=True)
class Report:
    """A run, ready to be printed."""

    #: What the target was held to.
    contract: Contract
    #: What was judged: `mock`, `server` or a base URL.
    target: str
    seed: int
    #: Name of the effort.
    effort: str
    requests_sent: int
    #: Input tokens, as far as the target has counted them, and estimated otherwise.
    tokens: int
    #: Price of the tokens, in CNY.
    cost: Decimal
    #: What there is to try, how much of it was tried, and how much there is.
    coverage: tuple[tuple[str, int, int], ...]
    #: Model -> why the target does not serve it; None where it does.
    models: Mapping[str, str | None]
    #: Every requirement, in the order of the contract.
    entries: tuple[RequirementResult, ...]
    #: Switch -> value that the target was seen to have -> what showed it.
    switches: Mapping[str, Mapping[str, Sighting]] = field(
        default_factory=dict[str, "Mapping[str, Sighting]"]
    )
    #: Switch that is a number -> the largest that was accepted, and what showed that.
    accepted: Mapping[str, tuple[int, Sighting]] = field(
        default_factory=dict[str, tuple[int, Sighting]]
    )
    #: Switch -> answers that show none of its values.
    unlike: Mapping[str, Sighting] = field(default_factory=dict[str, Sighting])
    #: Failures and differences that have one cause, that of most of them first.
    causes: tuple[Cause, ...] = ()
    #: Requests that were answered in the end, each once.
    answered: int = 0
    #: What the target did at first -> requests that it answered only when asked again.
    asked_again: Mapping[str, int] = field(default_factory=dict[str, int])
    #: Percentile -> seconds within which that share of the answers came.
    latency: Mapping[int, float] = field(default_factory=dict[int, float])
    #: How the suite itself went wrong, where no requirement is concerned.
    fault: str | None = None
    #: The entries of the baseline, and what became of each.
    baseline: tuple[tuple[Deviation, State], ...] = ()
    #: Options of the command that judge the same target in the same way again.
    options: tuple[str, ...] = ()
    access: Access = USUAL
    #: What was read, where nothing was sent; None where the target was asked.
    audit: Audit | None = None

    @property
    def base_url(self) -> str:
        """Where the target can be asked again; the embedded mock, where `rerank-mock serve` is."""
        return self.target if "://" in self.target else SERVED

    def url_of(self, request: Request) -> str:
        """Where a request can be sent again."""
        return (request.base_url or self.base_url) + request.path

    @property
    def verdict(self) -> Verdict:
        """The verdict on the target as a whole."""
        return verdict(self.outcomes)

    @property
    def advice(self) -> tuple[Advised, ...]:
        """What is advised on recorded requests; nothing where there are none."""
        return self.audit.advice if self.audit else ()

    @property
    def advice_in_short(self) -> str:
        """How much advice there is, as the end of a sentence; empty where there is none."""
        if not self.advice:
            return ""
        kinds = counted(len(self.advice), "kind")
        failing = sum(advised.fails for advised in self.advice)
        return f"; {kinds} of advice on the requests, {failing} of them failing"

    @property
    def troubles(self) -> tuple[str, ...]:
        """Where and why a file of recorded requests could not be read to its end."""
        return self.audit.troubles if self.audit else ()

    def shown_by(self, switch: str) -> str | None:
        """What would show a switch that no answer has shown, in words."""
        return None if self.switches[switch] else self.contract.switches[switch].shown_by

    @property
    def lapsed(self) -> list[tuple[Deviation, str]]:
        """The entries of the baseline that have to go, and why."""
        why = {
            State.STALE: "the requirement holds: remove the entry",
            State.EXPIRED: "the entry has expired: mend the target, or set another day",
        }
        return [(entry, why[state]) for entry, state in self.baseline if state in why]

    @property
    def outcomes(self) -> set[Outcome]:
        """All outcomes; a fault of the suite itself is one, too, and so is a lapsed baseline."""
        faults = {Outcome.BROKEN} if self.fault else set[Outcome]()
        if self.lapsed or any(advised.fails for advised in self.advice):
            faults.add(Outcome.FAILED)
        if self.troubles:
            faults.add(Outcome.INCONCLUSIVE)
        return faults.union(entry.outcome for entry in self.entries)

    @property
    def counts(self) -> dict[Outcome, int]:
        """Outcome -> number of requirements, the most interesting first; none has the number 0."""
        counts = Counter(entry.outcome for entry in self.entries)
        return {outcome: counts[outcome] for outcome in INTERESTING if counts[outcome]}

    @property
    def sections(self) -> dict[str, list[RequirementResult]]:
        """Section of the page -> its requirements, in the order of the page."""
        # Each section begins among those before it, where they speak of it, and ends in order.
        names = dict.fromkeys(entry.section for entry in reversed(self.entries))
        return {
            name: [entry for entry in self.entries if entry.section == name]
            for name in reversed(names)
        }

    def that(self, *outcomes: Outcome) -> Iterator[RequirementResult]:
        """The entries with those outcomes, outcome by outcome."""
        for outcome in outcomes:
            yield from (entry for entry in self.entries if entry.outcome is outcome)

    @property
    def faults(self) -> list[Fault]:
        """What does not hold, once for each cause: the worst first, then what most rests on."""
        left = {
            entry.requirement.id: entry
            for entry in self.that(Outcome.BROKEN, Outcome.FAILED, Outcome.DIFFERS)
        }
        entries = {entry.requirement.id: entry for entry in self.that(Outcome.INCONCLUSIVE)}
        found: list[Fault] = []
        for cause in self.causes:
            broken = [left.pop(name) for name in (cause.root, *cause.others) if name in left]
            untried = tuple(entries[name] for name in cause.untried if name in entries)
            if broken:
                first, *others = sorted(broken, key=_rank)
                shared = cause if others or untried else None
                found.append(Fault(first, tuple(others), untried, shared))
        found += map(Fault, left.values())
        return sorted(found, key=lambda fault: _rank(fault.entry))

    @property
    def reliability(self) -> str:
        """How often the target answered only when asked again, and how fast; empty without any."""
        if not self.answered:
            return ""
        within = ", ".join(
            f"{seconds * 1000:.0f} ms ({percentile}%)"
            for percentile, seconds in self.latency.items()
        )
        again = sum(self.asked_again.values())
        if not again:
            return f"no request had to be sent again; answers came within {within}"
        kinds = ", ".join(f"{what} x {count}" for what, count in self.asked_again.items())
        was = "was" if again == 1 else "were"
        requests = (
            f"{again} of {counted(self.answered, 'request')} {was} answered only when sent again"
        )
        return f"{requests}: {kinds}; answers came within {within}"

    @property
    def is_empty(self) -> bool:
        """Whether nothing could be judged at all."""
        return not self.fault and self.outcomes <= {
            Outcome.INCONCLUSIVE,
            Outcome.SKIPPED,
            Outcome.OFF,
        }

    def deviations(self, today: date) -> list[Deviation]:
        """A baseline of what does not hold; entries that the run had are kept as they are."""
        kept = {entry.requirement: entry for entry, _ in self.baseline}
        return [
            kept.get(entry.requirement.id)
            or Deviation(entry.requirement.id, entry.in_short, today + VALID)
            for entry in self.entries
            if entry.outcome in (Outcome.FAILED, Outcome.KNOWN)
            or (entry.outcome is Outcome.INCONCLUSIVE and entry.is_hindered)
        ]

    def unjudged(self, outcome: Outcome) -> dict[str, list[RequirementResult]]:
        """Reason -> the entries that have this outcome for it; none that is told with a fault."""
        told = {entry.requirement.id for fault in self.faults for entry in fault.untried}
        reasons: dict[str, list[RequirementResult]] = {}
        for entry in self.that(outcome):
            if entry.requirement.id not in told:
                reasons.setdefault(entry.reason or "", []).append(entry)
        return reasons


def named(entries: Sequence[RequirementResult]) -> str:
    """The ids of the first of them, and how many more there are."""
    ids = ", ".join(entry.requirement.id for entry in entries[:NAMED])
    return f"{ids} and {len(entries) - NAMED} more" if len(entries) > NAMED else ids


def _rank(entry: RequirementResult) -> int:
    return INTERESTING.index(entry.outcome)
