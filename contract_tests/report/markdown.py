"""The report as Markdown, as GitHub shows it in the summary of a CI job."""

import re
from collections.abc import Iterable, Iterator

from ..checks.violations import Violation, printable, shorten
from ..judging.connection import seen
from ..judging.outcomes import Outcome, Verdict
from ..wording import counted
from .model import NAMED, Advised, Fault, Report
from .reproduction import command, curl

#: Verdict -> the kind of GitHub's alert that it stands in.
ALERTS = {
    Verdict.CONFORMS: "TIP",
    Verdict.VIOLATES: "CAUTION",
    Verdict.INCONCLUSIVE: "WARNING",
    Verdict.BROKEN: "CAUTION",
}
#: Longest request or answer that a summary is bothered with, in characters.
LONGEST = 4000
#: Most exchanges of one violation that are shown; the last are the ones to look at.
EXCHANGES = 2
#: Most faults that are shown with an example: GitHub takes a summary of one megabyte.
SHOWN = 40


def write(report: Report) -> str:
    """The whole summary."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    counts = (f"{count} {outcome.value}" for outcome, count in report.counts.items())
    yield f"## rerank-contract: {report.verdict.value}"
    yield ""
    yield f"> [!{ALERTS[report.verdict]}]"
    judged = f"{', '.join(counts)} ({counted(len(report.entries), 'requirement')})"
    yield f"> {judged}{report.advice_in_short}"
    yield ""
    yield f"{escape(report.target)}: {_spent(report)}."
    if report.reliability:
        yield f"{escape(report.reliability[0].upper() + report.reliability[1:])}."
    for trouble in report.troubles:
        yield ""
        yield f"**inconclusive**: {escape(trouble)}"
    if report.fault:
        yield ""
        yield f"**broken**: the suite itself failed: {escape(report.fault)}"
    for fault in report.faults[:SHOWN]:
        yield from _fault(report, fault)
    if report.faults[SHOWN:]:
        yield ""
    for fault in report.faults[SHOWN:]:
        entry = fault.entry
        yield f"- {entry.outcome.value}: `{entry.requirement.id}`: {escape(entry.in_short)}"
    for advised in report.advice[:SHOWN]:
        yield from _advised(advised)
    for deviation, why in report.lapsed:
        yield ""
        yield f"**failed**: baseline, `{deviation.requirement}`: {why}"
    for outcome in (Outcome.INCONCLUSIVE, Outcome.KNOWN, Outcome.SKIPPED):
        for reason, entries in report.unjudged(outcome).items():
            names = [f"`{entry.requirement.id}`" for entry in entries]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield ""
            yield f"**{outcome.value}**: {escape(reason)}"
            yield ""
            yield f"- {', '.join(names[:NAMED])}{more}"
    yield ""
    yield from _table(report)
    found = [entry for entry in report.entries if entry.observed]
    if found:
        yield ""
        yield from _folded(
            "What the target does where the contract leaves it open",
            (f"- `{entry.requirement.id}`: {escape(', '.join(entry.observed))}" for entry in found),
        )


def _spent(report: Report) -> str:
    """What it took, or what was read."""
    if report.audit:
        return escape("; ".join(report.audit.facts))
    sent, tokens = counted(report.requests_sent, "request"), counted(report.tokens, "token")
    spent = f"{sent} sent, {tokens}, {report.cost:.4f} CNY"
    return f"effort {report.effort}, seed {report.seed}, {spent}"


def _advised(advised: Advised) -> Iterator[str]:
    yield ""
    yield f"### {'failed' if advised.fails else 'advice'}: `{advised.id}`"
    yield ""
    yield f"{escape(advised.sentence)} ({advised.severity} of the client)"
    yield ""
    yield from (f"- {escape(shorten(note, LONGEST))}" for note in advised.notes)


def _table(report: Report) -> Iterator[str]:
    """How many requirements of each section came out how."""
    yield "| section | " + " | ".join(outcome.value for outcome in report.counts) + " |"
    yield "|---|" + "--:|" * len(report.counts)
    for section, entries in report.sections.items():
        outcomes = [entry.outcome for entry in entries]
        counts = (str(outcomes.count(outcome) or "") for outcome in report.counts)
        yield f"| {section} | " + " | ".join(counts) + " |"


def _fault(report: Report, fault: Fault) -> Iterator[str]:
    entry, requirement = fault.entry, fault.entry.requirement
    yield ""
    yield f"### {entry.outcome.value}: `{requirement.id}`"
    yield ""
    yield f"{requirement.sentence} (level {requirement.level}; {entry.place})"
    yield ""
    for note in fault.notes:
        yield f"- {escape(shorten(note, LONGEST))}"
    for violation in entry.violations[:1]:
        yield f"- expected {escape(shorten(violation.expected, LONGEST))}"
        yield f"- received {escape(shorten(violation.received, LONGEST))}"
        yield ""
        # Each line begins with a word of ours and is one line: none can end the block.
        block = ["```text", *map(printable, _violation(report, violation)), "```"]
        yield from _folded("The exchange, and how to see it again", block)


def _folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _violation(report: Report, violation: Violation) -> Iterator[str]:
    for exchange in violation.exchanges[-EXCHANGES:]:
        yield f"sent      {shorten(curl(report, exchange.request), LONGEST)}"
        yield f"answered  {seen(exchange.answer, LONGEST)}"
    yield f"again     {command(report, violation)}"


def escape(text: str) -> str:
    """`text` as Markdown that shows it, and does nothing else."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", printable(text))
