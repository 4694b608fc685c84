"""What one row of a recording says: an entry of HAR, of a journal, or a cassette's interaction."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from ..contract import AnyJson
from ..exchanges import is_array, is_number, is_object, member, parse_json


class RowError(ValueError):
    """A row that is not as its format has it; the message says what is wrong."""


@dataclass(frozen=True)
class Body:
    """A body as it was recorded."""

    #: None where there is none.
    content: str | bytes | None = None
    is_base64: bool = False
    #: Its length in bytes, as far as the recorder says.
    size: int = 0
    #: Why it is not the whole body; empty where it is.
    cut: str = ""


@dataclass(frozen=True)
class Row:
    """An exchange as it was recorded."""

    method: str
    url: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: Body
    #: 0 where no answer came.
    status: int
    response_headers: Mapping[str, str]
    response_body: Body
    #: When it was sent, in seconds since the epoch; None where that is not known.
    at: float | None
    milliseconds: float
    #: Who answered, as far as a mock says that stands in for another server.
    source: str = ""


LEFT_OUT = "the recorder left it out"
CUT = "the recorder has cut it"


def of_har(row: AnyJson) -> Row:
    """An entry of HAR. Raises `RowError`."""
    request, response = member(row, "request"), member(row, "response")
    posted, content = member(request, "postData"), member(response, "content")
    sent = int(_number(request, "bodySize"))
    left_out = LEFT_OUT if sent > 0 else ""
    body = Body(cut=left_out)
    if is_object(posted):
        body = Body(
            _uncleaned(posted, "text") if "text" in posted else None,
            posted.get("_encoding", posted.get("encoding")) == "base64",
            sent,
            CUT if "_cut" in posted else ("" if "text" in posted else left_out),
        )
    size = int(_number(content, "size"))
    has_text = is_object(content) and isinstance(content.get("text"), str)
    return Row(
        _needed(request, "method"),
        _needed(request, "url"),
        _headers(member(request, "headers")),
        body,
        _status(member(response, "status")),
        _headers(member(response, "headers")),
        Body(
            _uncleaned(content, "text") if has_text else None,
            member(content, "encoding") == "base64",
            size,
            CUT if member(content, "_cut") else (LEFT_OUT if size > 0 and not has_text else ""),
        ),
        _seconds(_text(row, "startedDateTime")),
        _number(row, "time"),
        _text(row, "_source"),
    )


def of_journal(row: AnyJson) -> Row:
    """An entry of the mock's journal. Raises `RowError`."""
    headers = _headers(member(row, "headers"))
    query = _text(row, "query")
    host = headers.get("host") or "127.0.0.1"
    at = member(row, "at")
    return Row(
        _needed(row, "method"),
        f"http://{host}{_needed(row, 'path')}{'?' if query else ''}{query}",
        headers,
        _kept(row, "body"),
        _status(member(row, "status")),
        _headers(member(row, "response_headers")),
        _kept(row, "response_body"),
        float(at) if is_number(at) else None,
        _number(row, "milliseconds"),
        _text(row, "source"),
    )


def of_cassette(row: AnyJson) -> Row:
    """An interaction of a cassette. Raises `RowError`."""
    request, response = member(row, "request"), member(row, "response")
    status = member(response, "status")
    return Row(
        _needed(request, "method"),
        _needed(request, "uri"),
        _headers(member(request, "headers")),
        _body(member(request, "body")),
        _status(member(status, "code") if is_object(status) else status),
        _headers(member(response, "headers")),
        _body(member(response, "body")),
        _seconds(_text(row, "recorded_at")),
        0.0,
    )


#: Name of the array that a row is from -> what reads it.
READERS: Mapping[str, Callable[[AnyJson], Row]] = {
    "log": of_har,
    "entries": of_journal,
    "interactions": of_cassette,
    "http_interactions": of_cassette,
}


def _body(value: AnyJson) -> Body:
    """A body of a cassette: plain, or an object that says how it is written."""
    if is_object(value):
        if isinstance(value.get("base64_string"), str):
            return Body(value["base64_string"], is_base64=True)
        value = value.get("string")
    return Body(value if isinstance(value, (str, bytes)) else None)


def _kept(row: AnyJson, name: str) -> Body:
    text, size = _text(row, name), int(_number(row, f"{name}_bytes"))
    # Without keys a whole body is shorter, too.
    raw = text.encode("utf-8", "surrogatepass")
    is_whole = len(raw) >= size or ("[redacted]" in text and parse_json(raw)[0])
    return Body(text, cut="" if is_whole else CUT)


def _headers(value: AnyJson) -> dict[str, str]:
    """Headers from an array of names and values, or from an object of values or arrays of them.

    Of several the last counts; codings of a body are listed together.
    """
    headers: dict[str, str] = {}
    for given, text in _pairs(value):
        if isinstance(text, str):
            name = _clean(given).lower()
            is_more = name == "content-encoding" and name in headers
            headers[name] = f"{headers[name]}, {_clean(text)}" if is_more else _clean(text)
    return headers


def _pairs(value: AnyJson) -> Iterator[tuple[str, AnyJson]]:
    if is_object(value):
        for name, held in value.items():
            for each in held if is_array(held) else [held]:
                yield name, each
    for pair in value if is_array(value) else ():
        name = member(pair, "name")
        if isinstance(name, str):
            yield name, member(pair, "value")


def _needed(value: AnyJson, name: str) -> str:
    found = member(value, name)
    if not isinstance(found, str) or not found:
        raise RowError(f"it has no {name}")
    return _clean(found)


def _clean(text: str) -> str:
    """A text without lone surrogates, which no UTF-8 can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _text(value: AnyJson, name: str) -> str:
    return _clean(_uncleaned(value, name))


def _uncleaned(value: AnyJson, name: str) -> str:
    """The text as it was recorded; a body must not be changed."""
    found = member(value, name)
    return found if isinstance(found, str) else ""


def _number(value: AnyJson, name: str) -> float:
    found = member(value, name)
    return max(float(found), 0.0) if is_number(found) else 0.0


def _status(value: AnyJson) -> int:
    if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII):
        return int(value)
    return int(value) if is_number(value) and 100 <= value < 1000 else 0


def _seconds(text: str) -> float | None:
    """Seconds since the epoch of a time as HAR and Ruby's cassettes have it."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)([.]\d+)?(Z|[+-]\d\d:?\d\d)?", text)
    if not found:
        return None
    day, time, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return moment.timestamp() + float(fraction or 0)
