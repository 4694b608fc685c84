"""The report as JSON, for programs."""

import json
from dataclasses import asdict

from ..checks.violations import Violation
from ..contract import AnyJson
from ..exchanges import Exchange
from .model import Audit, Report, RequirementResult
from .reproduction import body_text, command, curl, snippet

VERSION = 1
#: Longest body that is written in full, in characters.
LONGEST = 20_000


def write(report: Report) -> str:
    """The report as `schemas/files/report.json` describes it."""
    content: AnyJson = {
        "version": VERSION,
        "verdict": report.verdict.value,
        "fault": report.fault,
        "revision": report.contract.revision,
        "target": report.target,
        "seed": report.seed,
        "effort": report.effort,
        "requests_sent": report.requests_sent,
        "tokens": report.tokens,
        "cost": f"{report.cost:f}",
        "coverage": [
            {"what": what, "tried": tried, "all": all_} for what, tried, all_ in report.coverage
        ],
        "models": [
            {"id": name, "outcome": "skipped" if reason else "passed", "reason": reason}
            for name, reason in report.models.items()
        ],
        "baseline": [
            {**deviation.to_json(), "state": state.value} for deviation, state in report.baseline
        ],
        "switches": [
            {"name": name, "values": list(values), "shown_by": report.shown_by(name)}
            for name, values in report.switches.items()
        ],
        "causes": [
            {
                "trigger": cause.trigger,
                "answer": cause.answer,
                "root": cause.root,
                "others": list(cause.others),
                "untried": list(cause.untried),
            }
            for cause in report.causes
        ],
        "reliability": {
            "answered": report.answered,
            "asked_again": [
                {"because": what, "requests": count} for what, count in report.asked_again.items()
            ],
            "latency_ms": {
                str(percentile): round(seconds * 1000, 3)
                for percentile, seconds in report.latency.items()
            },
        },
        **({"audit": _audit(report.audit)} if report.audit else {}),
        "requirements": [_entry(report, entry) for entry in report.entries],
    }
    return to_text(content)


def _audit(audit: Audit) -> AnyJson:
    return {
        "files": list(audit.files),
        "entries": audit.rows,
        "judged": audit.judged,
        "skipped": [
            {"because": reason, "entries": count} for reason, count in audit.skipped.items()
        ],
        "incomplete": list(audit.troubles),
        "advice": [asdict(advised) for advised in audit.advice],
    }


def to_text(content: AnyJson) -> str:
    """JSON in which every character shows; the same values."""
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]
        for letter in text
    )


def _entry(report: Report, entry: RequirementResult) -> AnyJson:
    return {
        "id": entry.requirement.id,
        "level": entry.requirement.level,
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "observed": ", ".join(entry.observed) or None,
        "tests": list(entry.tests),
        "first_broken": entry.first_broken,
        "violations": [_violation(report, violation) for violation in entry.violations],
    }


def _violation(report: Report, violation: Violation) -> AnyJson:
    return {
        "expected": violation.expected,
        "received": violation.received,
        "curl": curl(report, violation.exchanges[-1].request),
        "exchanges": [_exchange(report, exchange) for exchange in violation.exchanges],
        "test": violation.test,
        "again": command(report, violation),
        "snippet": snippet(report, violation),
    }


def _exchange(report: Report, exchange: Exchange) -> AnyJson:
    request, answer = exchange.request, exchange.answer
    return {
        "number": exchange.number,
        "curl": curl(report, request),
        "request": {
            "method": request.method,
            "path": request.path,
            "authorization": request.credential.value,
            "content_type": request.content_type,
            "body": None if request.content is None else cut(body_text(request)),
        },
        "answer": {
            "status": answer.status,
            "headers": dict(answer.headers),
            "body": cut(answer.text),
        },
    }


def cut(text: str) -> str:
    """A long text cut short."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
