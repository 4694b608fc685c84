"""The report as JUnit XML: one case for each requirement, so that a fault counts once."""

from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..checks.violations import printable, shorten
from ..contract import Requirement
from ..judging.connection import seen
from ..judging.outcomes import Outcome
from .model import TITLE, Report, RequirementResult
from .reproduction import command, curl

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
#: Longest request or answer, in characters.
LONGEST = 4000
#: Outcome -> element of a case that did not simply pass.
_ELEMENTS = {
    Outcome.BROKEN: "error",
    Outcome.FAILED: "failure",
    Outcome.DIFFERS: "system-out",
    Outcome.KNOWN: "skipped",
    Outcome.INCONCLUSIVE: "skipped",
    Outcome.SKIPPED: "skipped",
    Outcome.OFF: "skipped",
}


def write(report: Report) -> str:
    """One suite with all requirements."""
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", name=TITLE)
    roots = {
        other.requirement.id: fault.entry.requirement.id
        for fault in report.faults
        for other in (*fault.others, *fault.untried)
    }
    for entry in report.entries:
        _case(suite, report, entry, roots.get(entry.requirement.id))
    if report.reliability:
        SubElement(suite, "system-out").text = report.reliability
    if report.fault:
        case = SubElement(suite, "testcase", classname=TITLE, name="the suite itself")
        _say(case, "error", printable(report.fault), "")
    for advised in report.advice:
        case = SubElement(suite, "testcase", classname="requests", name=advised.id)
        element = "failure" if advised.fails else "system-out"
        _say(case, element, printable(advised.sentence), printable("; ".join(advised.notes)))
    for trouble in report.troubles:
        case = SubElement(suite, "testcase", classname=TITLE, name="reading")
        _say(case, "skipped", f"inconclusive: {printable(trouble)}", "")
    for deviation, why in report.lapsed:
        case = SubElement(suite, "testcase", classname="baseline", name=deviation.requirement)
        _say(case, "failure", why, "")
    for parent in (suites, suite):
        parent.set("tests", str(len(suite.findall("testcase"))))
        for counted, element in (
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            parent.set(counted, str(len(suite.findall(f"testcase/{element}"))))
    ElementTree.indent(suites)
    return f"{_DECLARATION}\n{ElementTree.tostring(suites, 'unicode')}\n"


def properties(requirements: Iterable[Requirement]) -> list[tuple[str, object]]:
    """Name and value: the id, the level and the section of each requirement."""
    found = list({requirement.id: requirement for requirement in requirements}.values())
    return [
        *(("requirement", requirement.id) for requirement in found),
        *(("level", level) for level in dict.fromkeys(row.level for row in found)),
        *(("section", name) for name in dict.fromkeys(row.source["section"] for row in found)),
    ]


def _case(suite: Element, report: Report, entry: RequirementResult, root: str | None) -> None:
    case = SubElement(suite, "testcase", classname=entry.section, name=entry.requirement.id)
    of_case = SubElement(case, "properties")
    for name, value in properties([entry.requirement]):
        SubElement(of_case, "property", name=name, value=str(value))
    if root:
        _say(
            case, "skipped", f"{entry.outcome.value}, as {root} does not hold", _text(report, entry)
        )
    elif entry.outcome in _ELEMENTS:
        message = entry.reason if entry.outcome is Outcome.KNOWN else entry.in_short
        if entry.outcome is Outcome.INCONCLUSIVE:
            message = f"inconclusive: {message}"
        _say(case, _ELEMENTS[entry.outcome], printable(message or ""), _text(report, entry))


def _say(case: Element, name: str, message: str, text: str) -> None:
    element = SubElement(case, name)
    if name == "system-out":
        element.text = f"{message}\n{text}"
    else:
        element.set("message", message)
        element.text = text or None


def _text(report: Report, entry: RequirementResult) -> str:
    """The sentence of the requirement, and what shows a breach of it."""
    if not entry.violations:
        return ""
    violation = entry.violations[0]
    told = [entry.requirement.sentence, *filter(None, [entry.reason])]
    for exchange in violation.exchanges:
        told.append(f"sent      {shorten(curl(report, exchange.request), LONGEST)}")
        told.append(f"answered  {seen(exchange.answer, LONGEST)}")
    return "\n".join(map(printable, [*told, f"again     {command(report, violation)}"]))
