"""The log of the command: one line per exchange, and one for whatever else is to be said."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TextIO

import orjson

from ..state.entry import Entry
from ..wording import count_of

#: What uvicorn says -> the same in our words, with the number that comes with it.
_OURS = {
    "Cancel %s running task(s), timeout graceful shutdown exceeded": "the server stops, and cuts "
    "calls off that are still in progress: %s",
    "Invalid HTTP request received.": "refused a request that is no HTTP",
}


class LineFormatter(logging.Formatter):
    """What is no exchange, as a line for people; faults of the mock keep their traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        trouble = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"rerank-mock: {_said(record)}{trouble}"


class JsonFormatter(logging.Formatter):
    """The same as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        row = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname.lower(),
            "message": _said(record),
            **({"traceback": self.formatException(record.exc_info)} if record.exc_info else {}),
        }
        return orjson.dumps(row).decode()


def begin(stream: TextIO, formatter: logging.Formatter) -> Callable[[str], None]:
    """Write what is logged to the stream in this form; return what writes a warning."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING)

    def say(text: str) -> None:
        level = {"levelno": logging.WARNING, "levelname": "WARNING"}
        handler.handle(logging.makeLogRecord({**level, "msg": text}))

    return say


def _said(record: logging.LogRecord) -> str:
    if record.msg in _OURS:
        return _OURS[record.msg] % record.args if record.args else _OURS[record.msg]
    return record.getMessage()


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
