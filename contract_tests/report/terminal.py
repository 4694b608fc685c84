"""The report as text for a terminal: the verdict, then what is wrong, then the rest."""

import textwrap
from collections.abc import Iterator, Mapping

from ..checks.violations import Violation, printable, shorten
from ..judging.connection import seen
from ..judging.outcomes import Outcome, Verdict
from ..wording import counted
from .model import Fault, Report, RequirementResult, named
from .reproduction import brief_curl, command, snippet

#: What stands for each outcome in the overview, as far as possible as in pytest.
SIGNS = {
    Outcome.PASSED: ".",
    Outcome.DIFFERS: "~",
    Outcome.KNOWN: "k",
    Outcome.SKIPPED: "s",
    Outcome.OFF: "-",
    Outcome.INCONCLUSIVE: "?",
    Outcome.FAILED: "F",
    Outcome.BROKEN: "E",
}
#: First word of a line -> how pytest's terminal marks it.
_STYLES: Mapping[str, Mapping[str, bool]] = {
    "FAILED": {"red": True, "bold": True},
    "BROKEN": {"red": True, "bold": True},
    "DIFFERS": {"yellow": True, "bold": True},
    "INCONCLUSIVE": {"yellow": True, "bold": True},
    f"{Verdict.CONFORMS.value}:": {"green": True, "bold": True},
    f"{Verdict.VIOLATES.value}:": {"red": True, "bold": True},
    f"{Verdict.INCONCLUSIVE.value}:": {"yellow": True, "bold": True},
    f"{Verdict.BROKEN.value}:": {"red": True, "bold": True},
}
WIDTH = 96
#: Most failures, and most differences, that are shown with an example.
SHOWN = 10
#: Most exchanges of one violation that are shown; the last are the ones to look at.
EXCHANGES = 2
#: Longest text of an answer, in characters.
LONGEST = 200
#: The same of a finding, which holds a text that is cut already.
LONGEST_FINDING = 300


def lines(report: Report, *, show_tests: bool = False) -> Iterator[str]:
    """The whole report; with `show_tests` also a test for each failure that is shown."""
    yield _verdict(report)
    yield from _facts(report)
    if report.fault:
        yield printable(f"BROKEN the suite itself failed: {report.fault}")
    for outcome in (Outcome.BROKEN, Outcome.FAILED, Outcome.DIFFERS):
        faults = [fault for fault in report.faults if fault.entry.outcome is outcome]
        for fault in faults[:SHOWN]:
            yield ""
            yield from _fault(fault)
            for violation in fault.entry.violations[:1]:
                yield from _violation(report, violation, show_tests=show_tests)
        if faults[SHOWN:]:
            yield ""
        for fault in faults[SHOWN:]:
            yield _one_line(fault.entry)
    for advised in report.advice:
        yield ""
        word = "FAILED" if advised.fails else "ADVICE"
        yield f"{word} {advised.id} ({advised.severity} of the client)"
        yield f"  {advised.sentence}"
        yield from (f"  {shorten(note, LONGEST_FINDING)}" for note in advised.notes)
    yield from _baseline(report)
    yield from _unjudged(report, Outcome.INCONCLUSIVE)
    if report.is_empty:
        yield from _unjudged(report, Outcome.SKIPPED)
    yield ""
    if not report.is_empty:
        yield from _overview(report)
        yield from _unjudged(report, Outcome.SKIPPED)
        yield from _findings(report)
        yield ""
        tried = (f"{what} {number}/{all_}" for what, number, all_ in report.coverage)
        yield from _wrapped(f"tried: {', '.join(tried)}")
    yield _verdict(report)


def style(line: str) -> Mapping[str, bool]:
    """How a line is marked where there is colour."""
    return _STYLES.get(line.partition(" ")[0], {})


def violation_lines(
    report: Report, violation: Violation, *, show_tests: bool = False
) -> Iterator[str]:
    """A violation with its requirement, for a test's failure."""
    for entry in report.entries:
        if entry.requirement.id == violation.requirement:
            yield from _fault(Fault(entry))
    yield from _violation(report, violation, show_tests=show_tests)


def _verdict(report: Report) -> str:
    counts = (f"{count} {outcome.value}" for outcome, count in report.counts.items())
    judged = f"{', '.join(counts)} ({counted(len(report.entries), 'requirement')})"
    return f"{report.verdict.value}: {judged}{report.advice_in_short}"


def _facts(report: Report) -> Iterator[str]:
    """What was judged, and what it took."""
    if report.audit:
        yield from map(printable, (report.target, *report.audit.facts))
        for trouble in report.troubles:
            yield printable(f"INCONCLUSIVE {trouble}")
        return
    # Without --target the verdict is that of the mock, which must be plain to see.
    which = "" if "://" in report.target else " (embedded here; --target URL judges another)"
    yield f"{report.target}{which}"
    served = [name for name, reason in report.models.items() if reason is None]
    yield from _wrapped(f"models {', '.join(served) or '(none)'}")
    sent, tokens = counted(report.requests_sent, "request"), counted(report.tokens, "token")
    yield f"effort {report.effort}, seed {report.seed}, {sent}, {tokens}, {report.cost:.4f} CNY"
    if report.reliability:
        yield from _wrapped(report.reliability)
    for name, reason in report.models.items():
        if reason:
            yield printable(f"{name} is not judged: {reason}")


def _baseline(report: Report) -> Iterator[str]:
    """What the baseline puts up with, and which entries have to go."""
    known = list(report.that(Outcome.KNOWN))
    if known or report.lapsed:
        yield ""
    for deviation, why in report.lapsed:
        yield f"FAILED baseline, {deviation.requirement}: {why}"
    for entry in known:
        yield shorten(f"KNOWN {entry.requirement.id} {entry.reason}", LONGEST)


def _wrapped(text: str) -> list[str]:
    """Text on lines that are no longer than a terminal is wide; names stay whole."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


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


def _unjudged(report: Report, outcome: Outcome) -> Iterator[str]:
    """What could not be judged, once for each reason."""
    for reason, entries in report.unjudged(outcome).items():
        yield ""
        yield printable(f"{outcome.value.upper()} {reason}")
        yield from _wrapped(f"  {named(entries)}")


def _findings(report: Report) -> Iterator[str]:
    """What the target does where the contract leaves it open."""
    found = [entry for entry in report.entries if entry.observed]
    others = {
        name: values
        for name, values in report.switches.items()
        if values and not report.contract.switches[name].requirements
    }
    if found or others:
        yield ""
        yield "what the target does where the contract leaves it open:"
    for entry in found:
        yield shorten(f"  {entry.requirement.id}: {', '.join(entry.observed)}", LONGEST)
    for name, values in others.items():
        yield f"  {name}: {', '.join(values)}"
    unseen = [name for name in report.switches if report.shown_by(name)]
    if found and unseen:
        yield f"  not shown: {', '.join(unseen)} (--report-json says what would show each)"


def _fault(fault: Fault) -> Iterator[str]:
    entry, requirement = fault.entry, fault.entry.requirement
    yield f"{entry.outcome.value.upper()} {requirement.id} ({requirement.level}; {entry.place})"
    yield f"  {requirement.sentence}"
    for note in fault.notes:
        yield f"  {shorten(note, 2 * LONGEST)}"


def _one_line(entry: RequirementResult) -> str:
    text = f"{entry.outcome.value.upper()} {entry.requirement.id}: {entry.in_short}"
    return shorten(text, LONGEST)


def _violation(report: Report, violation: Violation, *, show_tests: bool) -> Iterator[str]:
    yield f"  expected  {shorten(violation.expected, LONGEST_FINDING)}"
    yield f"  received  {shorten(violation.received, LONGEST_FINDING)}"
    left_out = len(violation.exchanges) - EXCHANGES
    if left_out > 0:
        yield f"  before    {counted(left_out, 'more request')}"
    for exchange in violation.exchanges[-EXCHANGES:]:
        yield f"  sent      {printable(brief_curl(report, exchange.request))}"
        answered, status = seen(exchange.answer, LONGEST), f"status {exchange.answer.status}"
        # What was received may be the answer itself, or its body.
        if answered == f"{status}, {violation.received}":
            yield f"  answered  {status}"
        elif answered != violation.received:
            yield f"  answered  {answered}"
    yield f"  again     {command(report, violation)}"
    if show_tests:
        yield "  as a test"
        yield from map(printable, snippet(report, violation).splitlines())
