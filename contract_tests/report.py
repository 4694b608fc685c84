"""The report: what became of each requirement, as JSON and as text for a terminal."""

import json
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .contract import REQUIREMENTS, Json
from .exchanges import Credential, Exchange, Request
from .outcomes import Outcome, Verdict, verdict
from .run import Run, seen
from .violations import Violation, shorten

VERSION = 1


@dataclass(frozen=True)
class Report:
    """A run, ready to be told."""

    run: Run

    @property
    def target(self) -> str:
        """Base URL of the target."""
        return self.run.target or ""

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """Requirement -> what became of it, in the order of the contract."""
        return {name: self.run.ledger.outcome(name) for name in REQUIREMENTS}

    @property
    def verdict(self) -> Verdict:
        """What is to be said of the target as a whole."""
        return verdict(set(self.outcomes.values()))

    def as_json(self) -> Json:
        """The report as ``schemas/tables/report.json`` describes it."""
        ledger = self.run.ledger
        return {
            "version": VERSION,
            "verdict": self.verdict.value,
            "target": self.target,
            "seed": self.run.seed,
            "effort": self.run.effort.name,
            "requests_sent": self.run.budget.spent,
            "models": [
                {"id": name, "outcome": "skipped" if reason else "passed", "reason": reason}
                for name, reason in self.run.models.items()
            ],
            "requirements": [
                {
                    "id": name,
                    "level": REQUIREMENTS[name].level,
                    "outcome": outcome.value,
                    "reason": ledger.reason(name),
                    "observed": ", ".join(sorted(ledger.observed.get(name, ()))) or None,
                    "first_broken": ledger.first_broken.get(name),
                    "violations": [
                        _violation(violation, self.target) for violation in ledger.worst(name)
                    ],
                }
                for name, outcome in self.outcomes.items()
            ],
        }

    def as_text(self) -> Iterator[str]:
        """Lines for a terminal: what is worth reading, failures last and complete."""
        run, ledger = self.run, self.run.ledger
        models = ", ".join(name for name, reason in run.models.items() if reason is None)
        yield f"{self.target}, models {models or '(none)'}"
        yield f"effort {run.effort.name}, seed {run.seed}, {run.budget.spent} requests sent"
        for name, reason in run.models.items():
            if reason:
                yield f"{name} is not served: {reason}"
        yield from self._unjudged()
        for outcome in (Outcome.DIFFERS, Outcome.FAILED, Outcome.BROKEN):
            for name in self._that(outcome):
                yield ""
                yield from describe_requirement(name, outcome)
                yield from filter(None, [ledger.reason(name)])
                for violation in ledger.worst(name)[:1]:
                    yield from describe(violation, self.target)
        findings = sorted(ledger.observed.items())
        if findings:
            yield ""
            yield "what the contract leaves open, and the target does:"
        for name, found in findings:
            yield f"  {name}: {', '.join(sorted(found))}"
        yield ""
        counts = Counter(self.outcomes.values())
        told = (f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
        yield f"{self.verdict.value}: {', '.join(told)}"

    def _that(self, outcome: Outcome) -> list[str]:
        return [name for name, became in self.outcomes.items() if became is outcome]

    def _unjudged(self) -> Iterator[str]:
        """What could not be judged, once for each reason."""
        for outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE):
            by_reason: dict[str, list[str]] = {}
            for name in self._that(outcome):
                by_reason.setdefault(self.run.ledger.reason(name) or "", []).append(name)
            for reason, names in by_reason.items():
                yield ""
                yield f"{outcome.value.upper()} {reason}"
                yield from textwrap.wrap(
                    ", ".join(names), 96, initial_indent="  ", subsequent_indent="  "
                )


def describe_requirement(name: str, outcome: Outcome) -> Iterator[str]:
    """A requirement and what became of it."""
    requirement = REQUIREMENTS[name]
    place = ", ".join(filter(None, (requirement.source["section"], requirement.source["field"])))
    yield f"{outcome.value.upper()} {name} ({requirement.level}; {place})"
    yield f"  {requirement.sentence}"


def told(violation: Violation, base_url: str) -> Iterator[str]:
    """A violation with its requirement, for a test's failure."""
    yield from describe_requirement(violation.requirement, Outcome.FAILED)
    yield from describe(violation, base_url)


def describe(violation: Violation, base_url: str) -> Iterator[str]:
    """A violation, with the curl lines that show it again."""
    yield f"  expected  {violation.expected}"
    yield f"  received  {violation.received}"
    for exchange in violation.exchanges:
        yield f"  {curl(exchange.request, base_url)}"
        yield f"    -> {seen(exchange.answer)}"


def curl(request: Request, base_url: str) -> str:
    """A curl line that sends the request; the shell puts the key in."""
    words = ["curl", "-sS", "-i"]
    if request.method != "POST":
        words += ["-X", request.method]
    words.append(shlex.quote(base_url + request.path))
    if request.credential is not Credential.NONE:
        words += ["-H", f'"Authorization: {request.credential.value}"']
    if request.content_type is None:
        words += ["-H", "'Content-Type:'"]
    else:
        words += ["-H", f"'Content-Type: {request.content_type}'"]
    if request.content is not None:
        words += ["--data-raw", shlex.quote(request.content.decode("utf-8", "backslashreplace"))]
    return " ".join(words)


def _violation(violation: Violation, base_url: str) -> Json:
    last: Exchange = violation.exchanges[-1]
    return {
        "expected": violation.expected,
        "received": violation.received,
        "curl": curl(last.request, base_url),
        "request": shorten(json.dumps(_body(last.request), ensure_ascii=False), 2000),
        "status": last.answer.status,
    }


def _body(request: Request) -> Json:
    return (
        request.body.decode("utf-8", "replace") if isinstance(request.body, bytes) else request.body
    )
