"""What the command tells of each exchange: one line."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import TextIO

import orjson

from ..state.entry import Entry


def line(entry: Entry) -> str:
    """Return a line for people: what there is to tell of the exchange, and nothing empty."""
    parts = [
        f"{_moment(entry):%H:%M:%S.%f}"[:-3],
        entry.account or "nobody",
        entry.request.method,
        entry.request.path,
        str(entry.response.status),
        entry.outcome,
        entry.model,
        None if entry.documents is None else f"{entry.documents} documents",
        f"{tokens} tokens" if (tokens := _tokens(entry)) else None,
        f"{entry.milliseconds:.1f} ms",
        *(f"| {advice.id}: {advice.hint}" for advice in entry.advice),
    ]
    return _printable(" ".join(part for part in parts if part))


def json_line(entry: Entry) -> str:
    """Return the same for programs, as a JSON object; what there is nothing of is null."""
    row = {
        "time": _moment(entry).isoformat(),
        "number": entry.number,
        "account": entry.account,
        "method": entry.request.method,
        "path": entry.request.path,
        "status": entry.response.status,
        "outcome": entry.outcome,
        "model": entry.model,
        "documents": entry.documents,
        "tokens": _tokens(entry),
        "charge": f"{entry.usage.charge:f}",
        "milliseconds": round(entry.milliseconds, 3),
        "advice": [advice.to_json() for advice in entry.advice],
    }
    return orjson.dumps(row).decode()


def writer(stream: TextIO, form: Callable[[Entry], str]) -> Callable[[Entry], None]:
    """Return what writes each entry to the stream, and falls silent when nobody reads it."""
    silent = False

    def write(entry: Entry) -> None:
        nonlocal silent
        if not silent:
            try:
                stream.write(form(entry) + "\n")
                stream.flush()
            except (OSError, ValueError):
                silent = True

    return write


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.at, timezone.utc)


def _tokens(entry: Entry) -> int:
    return entry.usage.input_tokens + entry.usage.image_tokens


def _printable(text: str) -> str:
    """Return the text with everything escaped that could end the line or move the cursor."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
