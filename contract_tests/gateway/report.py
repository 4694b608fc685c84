"""What was found out about a gateway, for people and for programs."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from ..checks.violations import printable, shorten
from ..contract import AnyJson
from ..exchanges import Exchange, is_object
from ..report.json_report import cut, to_text
from ..report.markdown import escape
from ..wording import counted
from .findings import CHECKS, FailureRow, FieldRow, Finding, Report, Verdict
from .passages import Passage

VERSION = 1
#: Most passages, and most calls of one, that are shown.
SHOWN = 2
_HEADS = ("field", "as sent", "as forwarded", "as answered", "as passed back", "")
_FAILURE_HEADS = ("upstream fails with", "the caller gets", "upstream is asked", "")
#: From the worst.
_ORDER = (Verdict.BROKEN, Verdict.DIFFERS, Verdict.NOT_SEEN, Verdict.KEPT)
#: Widest column of the table, in characters.
_WIDEST = 32


def lines(report: Report) -> Iterator[str]:
    """The report for a terminal."""
    if report.trouble:
        yield printable(f"inconclusive: {report.trouble}")
        return
    yield from _table(_HEADS, map(_cells, report.rows))
    yield from _table(_FAILURE_HEADS, map(_failure_cells, report.failures))
    for verdict in _ORDER:
        for finding in report.of(verdict):
            yield printable(f"{verdict.value:<9} {finding.check}: {finding.says}")
            if verdict is Verdict.BROKEN:
                yield f"{'':<9} right: {CHECKS[finding.check]}"
                for passage in finding.passages[-SHOWN:]:
                    yield from (printable(f"{'':<9} {line}") for line in _evidence(passage))
    if report.freedoms:
        yield ""
        yield "freedoms, which are no faults:"
    for freedom in report.freedoms:
        yield printable(f"  {freedom.question} {freedom.seen}")
    yield ""
    yield from _ending(report)


def write_json(report: Report) -> str:
    """The report as `schemas/files/gateway.json` describes it."""
    content: AnyJson = {
        "version": VERSION,
        "verdict": report.verdict,
        "reason": report.trouble,
        "target": report.target,
        "upstream": report.upstream,
        "requests": report.requests,
        "upstream_calls": report.calls,
        "checks": [_finding(finding) for finding in report.findings],
        "fields": [
            {
                "field": row.name,
                "sent": row.sent,
                "forwarded": row.forwarded,
                "answered": row.answered,
                "passed_back": row.passed_back,
                "how": row.how,
            }
            for row in report.rows
        ],
        "failures": [
            {
                "failure": row.name,
                "passed_back": row.passed_back,
                "upstream_calls": row.calls,
                "verdict": row.verdict.value,
            }
            for row in report.failures
        ],
        "freedoms": [asdict(freedom) for freedom in report.freedoms],
        "latency_ms": (
            {name: round(value, 3) for name, value in asdict(report.latency).items()}
            if report.latency
            else None
        ),
    }
    return to_text(content)


def write_markdown(report: Report) -> str:
    """The report as Markdown, as GitHub shows it."""
    return "\n".join(_markdown(report)) + "\n"


def _ending(report: Report) -> Iterator[str]:
    if report.latency:
        yield _latency(report)
    counts = ", ".join(
        f"{len(found)} {verdict.value}" for verdict in Verdict if (found := report.of(verdict))
    )
    sent = f"{counted(report.requests, 'request')}, {counted(report.calls, 'call')} of upstream"
    yield f"{report.verdict}: {report.target}: {counts} ({sent})"


def _latency(report: Report) -> str:
    assert report.latency
    took = report.latency
    added = max(took.median - took.direct_median, 0.0)
    return (
        f"added latency: median {added:.1f} ms (through {took.median:.1f}, without "
        f"{took.direct_median:.1f}), p95 {took.p95:.1f} and {took.direct_p95:.1f} ms, "
        f"{counted(took.requests, 'request')} each"
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table in columns; nothing where it has no rows."""
    cells = [heads, *(tuple(map(printable, row)) for row in rows)]
    if len(cells) == 1:
        return
    cells = [tuple(_brief(cell) for cell in row[:-1]) + row[-1:] for row in cells]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        yield "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()
    yield ""


def _brief(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else f"{cell[: _WIDEST - 1]}…"


def _cells(row: FieldRow) -> tuple[str, ...]:
    return (row.name, row.sent, row.forwarded, row.answered, row.passed_back, row.how)


def _failure_cells(row: FailureRow) -> tuple[str, ...]:
    return (row.name, row.passed_back, counted(row.calls, "time"), row.verdict.value)


def _evidence(passage: Passage) -> Iterator[str]:
    """Both sides of a passage in a few lines."""
    start = _difference(passage)
    yield f"caller:   {_sent(passage.front, start)}"
    for call in passage.calls[:SHOWN]:
        yield f"upstream: {call.request.path} {_sent(call, start)}"
        yield f"answered: {_answered(call)}"
    if len(passage.calls) > SHOWN:
        yield f"          and {counted(len(passage.calls) - SHOWN, 'call')} more"
    yield f"back:     {_answered(passage.front)}"


def _difference(passage: Passage) -> int:
    """Near where both sides of a long request begin to differ; 0 where its beginning shows it."""
    if not passage.calls:
        return 0
    texts = [_text(passage.front), _text(passage.calls[0])]
    pairs = enumerate(zip(*texts, strict=False))
    place = next((place for place, (one, other) in pairs if one != other), 0)
    return place - 100 if place > 200 else 0


def _sent(exchange: Exchange, start: int) -> str:
    return ("…" if start else "") + shorten(_text(exchange)[start:], 300)


def _text(exchange: Exchange) -> str:
    """A body, all JSON written in one way, so that two can be compared."""
    body = exchange.request.body
    if is_object(body):
        return json.dumps(body, ensure_ascii=False)
    return (exchange.request.content or b"").decode("utf-8", "replace")


def _answered(exchange: Exchange) -> str:
    return f"{exchange.answer.status or 'no answer'} {shorten(exchange.answer.text, 300)}"


def _finding(finding: Finding) -> AnyJson:
    return {
        "id": finding.check,
        "right": CHECKS[finding.check],
        "verdict": finding.verdict.value,
        "says": finding.says,
        "passages": [_passage(passage) for passage in finding.passages[-SHOWN:]],
    }


def _passage(passage: Passage) -> AnyJson:
    return {
        "front": _exchange(passage.front),
        "upstream": [_exchange(call) for call in passage.calls[:SHOWN]],
        "upstream_calls": len(passage.calls),
    }


def _exchange(exchange: Exchange) -> AnyJson:
    request, answer = exchange.request, exchange.answer
    return {
        "path": request.path,
        "headers": dict(request.headers),
        "body": cut((request.content or b"").decode("utf-8", "replace")),
        "status": answer.status,
        "response_headers": dict(answer.headers),
        "response_body": cut(answer.text),
    }


def _markdown(report: Report) -> Iterator[str]:
    yield f"## rerank-contract gateway: {report.verdict}"
    yield ""
    if report.trouble:
        yield f"**inconclusive**: {escape(printable(report.trouble))}"
        return
    yield from _rows_of_markdown(
        ("verdict", "check", "what was seen"),
        (
            (finding.verdict.value, f"`{finding.check}`", finding.says)
            for verdict in _ORDER
            for finding in report.of(verdict)
        ),
    )
    if report.rows:
        yield from _rows_of_markdown(_HEADS, map(_cells, report.rows))
    if report.failures:
        yield from _rows_of_markdown(_FAILURE_HEADS, map(_failure_cells, report.failures))
    if report.freedoms:
        rows = ((freedom.question, freedom.seen) for freedom in report.freedoms)
        yield from _rows_of_markdown(("freedom", "seen"), rows)
    yield from map(escape, _ending(report))


def _rows_of_markdown(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        cells = (cell if cell.startswith("`") else escape(printable(cell)) for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""
