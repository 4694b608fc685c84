"""The log of the command: one line per exchange."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import TextIO

import orjson

from ..state.entry import Entry
from ..wording import count_of


def line(entry: Entry) -> str:
    """Return a line for people; what is absent is left out."""
    parts = [
        f"{_moment(entry):%H:%M:%S.%f}"[:-3],
        entry.account or "-",
        entry.request.method,
        entry.request.path,
        str(entry.response.status),
        entry.outcome,
        entry.source and f"by {entry.source}",
        entry.model,
        None if entry.documents is None else count_of(entry.documents, "document"),
        count_of(tokens, "token") if (tokens := _tokens(entry)) else None,
        f"{entry.milliseconds:.1f} ms",
        *(f"| {advice.id}: {advice.hint}" for advice in entry.advice),
    ]
    return _printable(" ".join(part for part in parts if part))


def json_line(entry: Entry) -> str:
    """Return the same as a JSON object; what is absent is null."""
    row = {
        "time": _moment(entry).isoformat(),
        "number": entry.number,
        "account": entry.account,
        "method": entry.request.method,
        "path": entry.request.path,
        "status": entry.response.status,
        "outcome": entry.outcome,
        **({} if entry.source is None else {"source": entry.source}),
        "model": entry.model,
        "documents": entry.documents,
        "tokens": _tokens(entry),
        "charge": f"{entry.usage.charge:f}",
        "milliseconds": round(entry.milliseconds, 3),
        "advice": [advice.to_json() for advice in entry.advice],
    }
    return orjson.dumps(row).decode()


def writer(stream: TextIO, form: Callable[[Entry], str]) -> Callable[[Entry], None]:
    """Return a function that writes entries to the stream, and stops once the stream is closed."""
    closed = False

    def write(entry: Entry) -> None:
        nonlocal closed
        if not closed:
            try:
                stream.write(form(entry) + "\n")
                stream.flush()
            except (OSError, ValueError):
                closed = True

    return write


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.at, timezone.utc)


def _tokens(entry: Entry) -> int:
    return entry.usage.input_tokens + entry.usage.image_tokens


def _printable(text: str) -> str:
    """Return the text with control characters escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
