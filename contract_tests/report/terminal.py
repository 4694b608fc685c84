"""The report as text for a terminal: all at a glance, failures last and complete."""

import textwrap
from collections.abc import Iterator

from ..checks.violations import Violation, printable, shorten
from ..judging.outcomes import Outcome
from .model import Report, RequirementResult
from .reproduction import command, curl, snippet

#: What stands for each outcome in the overview, as far as possible as in pytest.
SIGNS = {
    Outcome.PASSED: ".",
    Outcome.DIFFERS: "~",
    Outcome.SKIPPED: "s",
    Outcome.OFF: "-",
    Outcome.INCONCLUSIVE: "?",
    Outcome.FAILED: "F",
    Outcome.BROKEN: "E",
}
WIDTH = 96
#: Most ids that are named where many have the same reason.
NAMED = 8
#: Longest curl line or test that a terminal is bothered with, in characters.
LONGEST = 4000


def lines(report: Report) -> Iterator[str]:
    """The whole report."""
    served = ", ".join(name for name, reason in report.models.items() if reason is None)
    # Without --target the verdict is that of the mock, which must be plain to see.
    which = "" if "://" in report.target else " (embedded here; --target URL judges another)"
    yield f"{report.target}{which}, models {served or '(none)'}"
    spent = f"{report.requests_sent} requests, {report.tokens} tokens, {report.cost:.4f} CNY"
    yield f"effort {report.effort}, seed {report.seed}, {spent}"
    for name, reason in report.models.items():
        if reason:
            yield printable(f"{name} is not served: {reason}")
    if report.fault:
        yield printable(f"BROKEN the suite itself failed: {report.fault}")
    yield ""
    yield from _overview(report)
    yield from _unjudged(report)
    yield from _findings(report)
    for entry in report.that(Outcome.DIFFERS, Outcome.FAILED, Outcome.BROKEN):
        yield ""
        yield from _entry(entry)
        for violation in entry.violations[:1]:
            yield from _violation(report, violation)
    yield ""
    tried = (f"{what} {number}/{all_}" for what, number, all_ in report.coverage)
    yield f"tried: {', '.join(tried)}"
    counts = (f"{count} {outcome.value}" for outcome, count in report.counts.items())
    yield f"{report.verdict.value}: {', '.join(counts)}"


def violation_lines(report: Report, violation: Violation) -> Iterator[str]:
    """A violation with its requirement, for a test's failure."""
    for entry in report.entries:
        if entry.requirement.id == violation.requirement:
            yield from _entry(entry)
    yield from _violation(report, violation)


def _overview(report: Report) -> Iterator[str]:
    """One sign for each requirement, by section and field."""
    width = max(map(len, report.sections)) + 2
    for section, entries in report.sections.items():
        signs = {"": ""}
        for entry in entries:
            signs[entry.field] = signs.get(entry.field, "") + SIGNS[entry.outcome]
        # A field stays on one line with its signs.
        groups = " ".join(f"{field}\0{row}".strip("\0") for field, row in signs.items() if row)
        wrapped = textwrap.wrap(
            groups,
            WIDTH,
            initial_indent=f"{section:{width}}",
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (line.replace("\0", " ") for line in wrapped)
    key = "   ".join(f"{SIGNS[outcome]} {outcome.value}" for outcome in report.counts)
    yield f"{'':{width}}{key}"


def _unjudged(report: Report) -> Iterator[str]:
    """What could not be judged, once for each reason."""
    for outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE):
        for reason, entries in report.unjudged(outcome).items():
            names = [entry.requirement.id for entry in entries]
            more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield ""
            yield printable(f"{outcome.value.upper()} {reason}")
            yield from textwrap.wrap(
                ", ".join(names[:NAMED]) + more, WIDTH, initial_indent="  ", subsequent_indent="  "
            )


def _findings(report: Report) -> Iterator[str]:
    """What the target does where the contract leaves it open."""
    found = [entry for entry in report.entries if entry.observed]
    if found:
        yield ""
        yield "what the target does where the contract leaves it open:"
    for entry in found:
        yield printable(f"  {entry.requirement.id}: {', '.join(entry.observed)}")
    for name, values in report.switches.items():
        if values and not report.contract.switches[name].requirements:
            yield f"  {name}: {', '.join(values)}"
    unseen = [name for name in report.switches if report.shown_by(name)]
    if found and unseen:
        yield f"  not seen: {', '.join(unseen)} (see shown_by in --report-json)"


def _entry(entry: RequirementResult) -> Iterator[str]:
    requirement = entry.requirement
    yield f"{entry.outcome.value.upper()} {requirement.id} ({requirement.level}; {entry.place})"
    yield f"  {requirement.sentence}"
    if entry.reason:
        yield printable(f"  {entry.reason}")


def _violation(report: Report, violation: Violation) -> Iterator[str]:
    yield printable(f"  expected  {violation.expected}")
    yield printable(f"  received  {violation.received}")
    for exchange in violation.exchanges:
        answer = exchange.answer
        yield _if_short(f"  sent      {curl(exchange.request, report.base_url)}", "curl line")
        yield f"  answered  status {answer.status}, {shorten(answer.text, 400) or 'no body'}"
    yield f"  again     {command(report, violation)}"
    yield "  as a test"
    yield from _if_short(snippet(report, violation), "test").splitlines()


def _if_short(text: str, what: str) -> str:
    if len(text) <= LONGEST:
        return printable(text, keep="\n")
    return f"  ({what} of {len(text)} characters: see --report-json or --report-html)"
