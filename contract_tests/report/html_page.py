"""The report as one HTML page that needs nothing else: no network, no library, no other file."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from string import Template

from .. import evidence
from ..checks.violations import Violation, printable
from ..exchanges import Answer, Exchange
from ..judging.outcomes import Outcome, Verdict
from ..wording import counted
from .model import Advised, Fault, Report, RequirementResult, named
from .reproduction import body_text, command, curl, snippet

TEMPLATE = Path(__file__).with_name("page.html")
SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.DIFFERS: "≈",
    Outcome.KNOWN: "≡",
    Outcome.SKIPPED: "○",
    Outcome.OFF: "·",
    Outcome.INCONCLUSIVE: "?",
    Outcome.FAILED: "✗",
    Outcome.BROKEN: "!",
}
HEADINGS = {
    Verdict.CONFORMS: "Conforms to the contract",
    Verdict.VIOLATES: "Violates the contract",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.BROKEN: "The suite itself broke",
}
#: Longest body that is shown in full, in characters.
LONGEST = 20_000


class Markup(str):
    """HTML. Any other text is escaped on its way into it."""

    __slots__ = ()


def tag(element: str, /, *content: str, **attributes: str) -> Markup:
    """An element; `_` at the end of an attribute's name is dropped, others become `-`."""
    given = "".join(
        f' {attribute.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for attribute, value in attributes.items()
    )
    end = "" if element == "input" else f"</{element}>"
    return Markup(f"<{element}{given}>{together(*content)}{end}")


def together(*content: str) -> Markup:
    """Text and elements, one after the other."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(part) for part in content)
    )


def write(report: Report) -> str:
    """The page."""
    template = TEMPLATE.read_text("utf-8")
    return Template(template).substitute(
        # What the page was not delivered with does not run, whatever a target answers.
        style_digest=_digest(template, "style"),
        script_digest=_digest(template, "script"),
        title=together(f"{report.target} · {report.verdict.value}"),
        heading=_heading(report),
        facts=_facts(report),
        faults=together(_faults(report), _unjudged(report)),
        overview=_overview(report),
        filters=_filters(report),
        sections=together(*(_section(report, name) for name in report.sections)),
    )


def _digest(template: str, element: str) -> str:
    (content,) = re.findall(f"<{element}>(.*?)</{element}>", template, re.DOTALL)
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _heading(report: Report) -> Markup:
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in report.counts.items())
    return together(
        tag("p", f"rerank-contract judged {report.target}"),
        tag("h1", HEADINGS[report.verdict], class_=report.verdict.value),
        tag(
            "p",
            f"{counts} ({counted(len(report.entries), 'requirement')}){report.advice_in_short}",
        ),
        *([tag("p", f"Suite broke: {printable(report.fault)}")] if report.fault else []),
    )


def _facts(report: Report) -> Markup:
    models = [
        tag("p", f"{name}, not served: {printable(reason)}" if reason else name)
        for name, reason in report.models.items()
    ]
    tried = [f"{what} {count} of {total}" for what, count, total in report.coverage]
    facts = {"Target": tag("code", report.target), "Revision": report.contract.revision}
    if report.audit is None:
        facts |= {
            "Effort": report.effort,
            "Seed": str(report.seed),
            "Requests": str(report.requests_sent),
            "Tokens": f"{report.tokens}, {report.cost:.4f} CNY",
        }
    more = {"Models": together(*models) if models else "none"}
    if not report.is_empty:
        more["Tried"] = ", ".join(tried)
    if report.reliability:
        more["Reliability"] = report.reliability
    if report.audit:
        more["Read"] = printable("; ".join(report.audit.facts))
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts.items()),
        *(
            tag("div", tag("dt", name), tag("dd", fact), class_="wide")
            for name, fact in more.items()
        ),
        class_="facts",
    )


def _faults(report: Report) -> Markup:
    """What does not hold, once for each cause, with the way to all about it."""
    rows = [_fault(fault) for fault in report.faults]
    rows += map(_advised, report.advice)
    rows += [
        tag("li", tag("p", f"The baseline's entry of {entry.requirement}: {why}"), class_="failed")
        for entry, why in report.lapsed
    ]
    if not rows:
        return Markup()
    return tag("section", tag("h2", "What does not hold"), tag("ul", *rows), class_="faults")


def _unjudged(report: Report) -> Markup:
    """What could not be found out, once for each reason."""
    outcome = Outcome.INCONCLUSIVE
    rows = [
        tag(
            "li",
            tag("p", tag("b", f"{SIGNS[outcome]} {outcome.value}"), " ", printable(reason)),
            tag("p", named(entries), class_="note"),
            class_=outcome.value,
        )
        for reason, entries in report.unjudged(outcome).items()
    ]
    rows += [
        tag("li", tag("p", printable(trouble)), class_=outcome.value) for trouble in report.troubles
    ]
    if not rows:
        return Markup()
    heading = tag("h2", "What could not be found out")
    return tag("section", heading, tag("ul", *rows), class_="faults")


def _fault(fault: Fault) -> Markup:
    entry, name = fault.entry, fault.entry.requirement.id
    shown = [
        together(tag("dt", word), tag("dd", tag("code", printable(text))))
        for violation in entry.violations[:1]
        for word, text in (("expected", violation.expected), ("received", violation.received))
    ]
    return tag(
        "li",
        tag(
            "p",
            tag("b", f"{SIGNS[entry.outcome]} {entry.outcome.value}"),
            " ",
            tag("a", tag("code", name), href=f"#{name}"),
            " ",
            tag("span", entry.requirement.level, class_="aside"),
        ),
        tag("p", entry.requirement.sentence),
        *(tag("p", printable(note), class_="note") for note in fault.notes),
        tag("dl", *shown, class_="finding") if shown else "",
        class_=entry.outcome.value,
    )


def _advised(advised: Advised) -> Markup:
    word = "failed" if advised.fails else "advice"
    return tag(
        "li",
        tag(
            "p",
            tag("b", word),
            " ",
            tag("code", advised.id),
            " ",
            tag("span", f"{advised.severity} of the client", class_="aside"),
        ),
        tag("p", advised.sentence),
        *(tag("p", printable(note), class_="note") for note in advised.notes),
        class_=Outcome.FAILED.value if advised.fails else Outcome.DIFFERS.value,
    )


def _overview(report: Report) -> Markup:
    """One cell for each requirement, by section and field."""
    rows: list[Markup] = []
    for name, entries in report.sections.items():
        fields: dict[str, list[Markup]] = {"": []}
        for entry in entries:
            fields.setdefault(entry.field, []).append(_cell(entry))
        groups = [
            tag("li", tag("small", field) if field else "", *cells)
            for field, cells in fields.items()
            if cells
        ]
        listed = tag("ul", *groups, class_="fields")
        rows.append(tag("tr", tag("th", name, scope="row"), tag("td", listed)))
    caption = tag("caption", "Outcome of each requirement, by section of the page", class_="aloud")
    table = tag("table", caption, tag("tbody", *rows))
    return tag("section", _bar(report), table, class_="overview", aria_label="Overview")


def _bar(report: Report) -> Markup:
    parts: list[Markup] = []
    start = 0
    for outcome, count in report.counts.items():
        place = {"x": str(start), "width": str(count), "height": "1"}
        parts.append(tag("rect", class_=outcome.value, **place))
        start += count
    box = {"viewBox": f"0 0 {start} 1", "preserveAspectRatio": "none"}
    return tag("svg", *parts, class_="bar", aria_hidden="true", **box)


def _cell(entry: RequirementResult) -> Markup:
    label = f"{entry.requirement.id}: {entry.outcome.value}"
    return tag(
        "a",
        tag("span", SIGNS[entry.outcome], aria_hidden="true"),
        tag("span", label, class_="aloud"),
        href=f"#{entry.requirement.id}",
        class_=f"cell {entry.outcome.value}",
        title=label,
    )


def _filters(report: Report) -> Markup:
    outcomes = {
        outcome.value: f"{SIGNS[outcome]} {outcome.value} {count}"
        for outcome, count in report.counts.items()
    }
    levels = dict.fromkeys(entry.requirement.level for entry in report.entries)
    return together(
        _choices("outcome", {"": f"all {len(report.entries)}", **outcomes}),
        _choices("level", {"": "any level", **{level: level for level in levels}}),
    )


def _choices(name: str, values: dict[str, str]) -> Markup:
    choices: list[Markup] = []
    for value, label in values.items():
        checked = {} if value else {"checked": ""}
        button = tag("input", type="radio", name=name, value=value, **checked)
        choices.append(tag("label", button, tag("span", label), class_=f"choice {value}"))
    return tag("fieldset", tag("legend", name, class_="aloud"), *choices)


def _section(report: Report, name: str) -> Markup:
    articles = [_article(report, entry) for entry in report.sections[name]]
    return tag("section", tag("h2", name), *articles, data_of=name)


def _article(report: Report, entry: RequirementResult) -> Markup:
    requirement, outcome = entry.requirement, entry.outcome.value
    aside = [tag("b", outcome), f" · {requirement.level}"]
    if entry.field:
        aside.append(f" · {entry.field}")
    notes = [printable(entry.reason or ""), ", ".join(map(printable, entry.observed))]
    return tag(
        "article",
        tag(
            "header",
            tag("span", SIGNS[entry.outcome], class_="cell " + outcome, aria_hidden="true"),
            tag("h3", tag("code", requirement.id)),
            tag("span", *aside, class_="aside"),
            tag("p", requirement.sentence),
            *(tag("p", note, class_="note") for note in notes if note),
        ),
        *(_violation(report, violation) for violation in entry.violations),
        _evidence(entry),
        id=requirement.id,
        class_=outcome,
        data_outcome=outcome,
        data_level=requirement.level,
    )


def _evidence(entry: RequirementResult) -> Markup:
    requirement = entry.requirement
    shown = [
        together(tag("dt", axis), tag("dd", sentence))
        for axis, sentence in evidence.of_requirement(requirement.id, requirement.level)
    ]
    if not shown:
        return Markup()
    return tag("details", tag("summary", "Evidence"), tag("dl", *shown, class_="finding"))


def _violation(report: Report, violation: Violation) -> Markup:
    findings = {"expected": violation.expected, "received": violation.received}
    finding = [
        together(tag("dt", name), tag("dd", tag("code", printable(text))))
        for name, text in findings.items()
    ]
    return tag(
        "details",
        tag("summary", f"Seen by {violation.test}" if violation.test else "Seen"),
        tag("dl", *finding, class_="finding"),
        *(_exchange(report, exchange) for exchange in violation.exchanges),
        tag(
            "div",
            _panel("Run this again", command(report, violation), wide=True),
            class_="exchange",
        ),
        tag("details", tag("summary", "As a test"), tag("pre", snippet(report, violation))),
        open="",
    )


def _exchange(report: Report, exchange: Exchange) -> Markup:
    request, answer = exchange.request, exchange.answer
    sent = _pretty(request.body) if request.content_type else body_text(request)
    title = f"Answer: status {answer.status}" if answer.status else "No answer"
    head = [f"{name}: {value}" for name, value in answer.headers.items()]
    told = "\n".join([*head, "", _body(answer)] if head else [_body(answer)])
    return tag(
        "div",
        _panel(f"Request {exchange.number}: {request.method} {request.path}", sent),
        _panel(title, told),
        _panel("The same with curl", curl(report, request), wide=True),
        class_="exchange",
    )


def _panel(title: str, text: str, *, wide: bool = False) -> Markup:
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
    shown = printable(cut, keep="\n")
    return tag(
        "div", tag("h4", title), tag("pre", shown, tabindex="0"), class_="wide" if wide else ""
    )


def _body(answer: Answer) -> str:
    return _pretty(answer.json) if answer.is_json else answer.text


def _pretty(body: object) -> str:
    if isinstance(body, bytes):
        return body.decode("utf-8", "backslashreplace")
    return json.dumps(body, ensure_ascii=False, indent=2)
