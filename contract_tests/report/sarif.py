"""The violations as SARIF 2.1.0: requirements are rules, violations are results."""

from hashlib import sha256
from urllib.parse import quote, urlsplit

from ..checks.violations import Violation, printable
from ..contract import AnyJson, Requirement
from ..exchanges import Answer, Exchange
from ..judging.outcomes import EXIT_CODES, Outcome, Verdict
from .json_report import cut, to_text
from .model import TITLE, Advised, Report, RequirementResult
from .reproduction import body_text, command, curl

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: Level of a requirement -> level of a result that breaks it.
LEVELS = {"spec": "error", "observed": "warning", "open": "note"}

#: What no path has as it is: colons, and the brackets of an address of version 6.
_IN_A_PATH = {ord(":"): "_", ord("["): None, ord("]"): None}


def write(report: Report) -> str:
    """The log of one run."""
    notes = {fault.entry.requirement.id: fault.notes for fault in report.faults}
    log: AnyJson = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": TITLE,
                        "rules": [
                            *(_rule(entry) for entry in report.entries),
                            *(_rule_of_advice(advised) for advised in report.advice),
                        ],
                    }
                },
                "invocations": [_invocation(report)],
                "results": [
                    _result(report, number, entry, violation, notes.get(entry.requirement.id, []))
                    for number, entry in enumerate(report.entries)
                    for violation in entry.violations
                ]
                + [
                    _advice(len(report.entries) + number, advised)
                    for number, advised in enumerate(report.advice)
                ],
                "properties": {
                    "verdict": report.verdict.value,
                    "target": report.target,
                    "seed": report.seed,
                    "effort": report.effort,
                    "requests_sent": report.requests_sent,
                    "reliability": report.reliability,
                },
            }
        ],
    }
    return to_text(log)


def _rule(entry: RequirementResult) -> AnyJson:
    requirement: Requirement = entry.requirement
    return {
        "id": requirement.id,
        "shortDescription": {"text": requirement.sentence},
        "fullDescription": {"text": f"{requirement.sentence} (level {requirement.level})"},
        "help": {
            "text": f"{requirement.sentence} Level {requirement.level}; {entry.place}. "
            f"To judge it alone: rerank-contract check --only={requirement.id}",
            "markdown": f"{requirement.sentence}\n\nLevel `{requirement.level}`; {entry.place}.\n\n"
            f"To judge it alone: `rerank-contract check --only={requirement.id}`",
        },
        "defaultConfiguration": {"level": LEVELS[requirement.level]},
        "properties": {"tags": [requirement.level, entry.section]},
    }


def _rule_of_advice(advised: Advised) -> AnyJson:
    return {
        "id": advised.id,
        "shortDescription": {"text": advised.sentence},
        "defaultConfiguration": {"level": "error" if advised.fails else "note"},
        "properties": {"tags": [advised.severity, "requests"]},
    }


def _advice(number: int, advised: Advised) -> AnyJson:
    """What is advised on requests, at the file that has the first of them."""
    return {
        "ruleId": advised.id,
        "ruleIndex": number,
        "kind": "fail",
        "level": "error" if advised.fails else "note",
        "message": {"text": printable(". ".join([advised.sentence.rstrip("."), *advised.notes]))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(advised.place.rpartition(", entry ")[0])},
                    "region": {"startLine": 1},
                }
            }
        ],
        "partialFingerprints": {"adviceAndPlace/v1": f"{advised.id}:{advised.place}"},
    }


def _invocation(report: Report) -> AnyJson:
    """What the results do not say: whether all could be found out."""
    return {
        "executionSuccessful": report.verdict in (Verdict.CONFORMS, Verdict.VIOLATES),
        "exitCode": EXIT_CODES[report.verdict],
        "toolExecutionNotifications": [
            *(
                [{"level": "error", "message": {"text": printable(f"broken: {report.fault}")}}]
                if report.fault
                else []
            ),
            *(
                {"level": "warning", "message": {"text": f"inconclusive: {printable(trouble)}"}}
                for trouble in report.troubles
            ),
            *(
                {
                    "level": "error" if outcome is Outcome.BROKEN else "warning",
                    "message": {"text": f"{outcome.value}: {printable(reason)}"},
                    "properties": {"requirements": [entry.requirement.id for entry in entries]},
                }
                for outcome in (Outcome.INCONCLUSIVE, Outcome.BROKEN)
                for reason, entries in report.unjudged(outcome).items()
            ),
            *(
                {
                    "level": "error",
                    "message": {"text": f"baseline: {why}"},
                    "properties": {"requirements": [deviation.requirement]},
                }
                for deviation, why in report.lapsed
            ),
        ],
    }


def _result(
    report: Report, number: int, entry: RequirementResult, violation: Violation, notes: list[str]
) -> AnyJson:
    exchange = violation.exchanges[-1]
    uri = report.url_of(exchange.request)
    fingerprint = f"{entry.requirement.id}:{violation.test}"
    return {
        "ruleId": entry.requirement.id,
        "ruleIndex": number,
        "kind": "fail",
        "level": "error" if entry.outcome is Outcome.FAILED else "warning",
        "message": {
            "text": printable(
                f"Expected {violation.expected}; received {violation.received}."
                + "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
            )
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _place(uri)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": _name(entry)}],
            }
        ],
        "partialFingerprints": {
            "requirementAndTest/v1": fingerprint,
            # The one that GitHub knows an alert by; without it a hash of the line is made.
            "primaryLocationLineHash": sha256(fingerprint.encode()).hexdigest()[:16],
        },
        **(
            {"suppressions": [{"kind": "external", "justification": entry.reason}]}
            if entry.outcome is Outcome.KNOWN
            else {}
        ),
        "webRequest": _web_request(exchange, uri),
        "webResponse": _web_response(exchange.answer),
        "properties": {
            "again": command(report, violation),
            "curl": [curl(report, each.request) for each in violation.exchanges],
        },
    }


def _name(entry: RequirementResult) -> str:
    return "/".join(filter(None, (entry.section, entry.field)))


def _place(uri: str) -> str:
    """Where it is, as if it were a path in a repository: `host_port/v1/rerank`.

    GitHub takes no file for code scanning that has a location with another scheme than `file`,
    and wants a line. There is no file to point at: what was judged is known by its address alone.
    """
    url = urlsplit(uri)
    address = url.netloc.translate(_IN_A_PATH)
    return quote(f"{address}{url.path}", safe="/%")


def _web_request(exchange: Exchange, uri: str) -> AnyJson:
    request = exchange.request
    headers = {"Authorization": request.credential.value, "Content-Type": request.content_type}
    return {
        "protocol": "HTTP",
        "method": request.method,
        "target": uri,
        "headers": {name: value for name, value in headers.items() if value is not None},
        "body": {"text": cut(body_text(request))},
    }


def _web_response(answer: Answer) -> AnyJson:
    if not answer.status:
        return {"noResponseReceived": True, "properties": {"because": answer.text}}
    return {
        "protocol": "HTTP",
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": {"text": cut(answer.text)},
    }
