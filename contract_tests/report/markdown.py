"""The report as Markdown, for the summary of a CI job."""

import re
from collections.abc import Iterator

from ..checks.violations import Violation, printable, shorten
from ..judging.outcomes import Outcome
from .model import Report, RequirementResult
from .reproduction import command, curl

#: Most ids that are named where many have the same reason.
NAMED = 8
#: Longest request or answer that a summary is bothered with, in characters.
LONGEST = 4000


def write(report: Report) -> str:
    """The whole summary."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    counts = (f"{count} {outcome.value}" for outcome, count in report.counts.items())
    yield f"## rerank-contract: {report.verdict.value}"
    yield ""
    yield f"{escape(report.target)}: {', '.join(counts)}."
    yield f"Effort {report.effort}, seed {report.seed}, {report.requests_sent} requests sent."
    if report.fault:
        yield ""
        yield f"**broken**: the suite itself failed: {escape(report.fault)}"
    yield ""
    yield from _table(report)
    for entry in report.that(Outcome.BROKEN, Outcome.FAILED, Outcome.DIFFERS):
        yield from _entry(report, entry)
    for deviation, why in report.lapsed:
        yield ""
        yield f"**failed**: baseline, `{deviation.requirement}`: {why}"
    for outcome in (Outcome.INCONCLUSIVE, Outcome.KNOWN, Outcome.SKIPPED):
        for reason, entries in report.unjudged(outcome).items():
            names = [f"`{entry.requirement.id}`" for entry in entries]
            more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield ""
            yield f"**{outcome.value}**: {escape(reason)}"
            yield f": {', '.join(names[:NAMED])}{more}"
    found = [entry for entry in report.entries if entry.observed]
    if found:
        yield ""
        yield "### What the target does where the contract leaves it open"
        yield ""
    for entry in found:
        yield f"- `{entry.requirement.id}`: {escape(', '.join(entry.observed))}"


def _table(report: Report) -> Iterator[str]:
    """How many requirements of each section came out how."""
    yield "| section | " + " | ".join(outcome.value for outcome in report.counts) + " |"
    yield "|---|" + "--:|" * len(report.counts)
    for section, entries in report.sections.items():
        outcomes = [entry.outcome for entry in entries]
        counts = (str(outcomes.count(outcome) or "") for outcome in report.counts)
        yield f"| {section} | " + " | ".join(counts) + " |"


def _entry(report: Report, entry: RequirementResult) -> Iterator[str]:
    requirement = entry.requirement
    yield ""
    yield f"### {entry.outcome.value}: `{requirement.id}`"
    yield ""
    yield f"{requirement.sentence} (level {requirement.level}; {entry.place})"
    if entry.reason:
        yield escape(entry.reason)
    for violation in entry.violations[:1]:
        yield ""
        yield "```text"
        # Each line begins with a word of ours and is one line: none can end the block.
        yield from map(printable, _violation(report, violation))
        yield "```"


def _violation(report: Report, violation: Violation) -> Iterator[str]:
    yield f"expected  {violation.expected}"
    yield f"received  {violation.received}"
    for exchange in violation.exchanges:
        answer = exchange.answer
        yield f"sent      {shorten(curl(exchange.request, report.base_url), LONGEST)}"
        yield f"answered  status {answer.status}, {shorten(answer.text, LONGEST) or 'no body'}"
    yield f"again     {command(report, violation)}"


def escape(text: str) -> str:
    """`text` as Markdown that shows it, and does nothing else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(text))
