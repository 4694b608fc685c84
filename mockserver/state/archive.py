"""Entries of the journal as an HTTP archive, HAR 1.2: `schemas/files/har.json`.

It is made of entries, which have no keys, and never of raw exchanges.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from .entry import Entry

#: What the path of a URL may have besides letters and digits.
_PATH = "/%:@!$&'()*+,;=~-._"


def archive(entries: Iterable[Entry], version: str) -> dict[str, Any]:
    """Return entries as an archive; `version` is that of this package."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "rerank-mock", "version": version},
            "entries": [row(entry) for entry in entries],
        }
    }


def row(entry: Entry) -> dict[str, Any]:
    """Return one of its entries."""
    began = datetime.fromtimestamp(entry.at, timezone.utc)
    return {
        "startedDateTime": began.isoformat(timespec="milliseconds"),
        "time": entry.milliseconds,
        "request": _request(entry),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": entry.milliseconds, "receive": 0},
        "_number": entry.number,
        "_account": entry.account,
        "_outcome": entry.outcome,
        "_model": entry.model,
        "_documents": entry.documents,
        "_advice": [advice.to_json() for advice in entry.advice],
        **({} if entry.source is None else {"_source": entry.source}),
    }


def _request(entry: Entry) -> dict[str, Any]:
    request = entry.request
    host = request.headers.get("host", "") or "localhost"
    query = f"?{quote(request.query, safe=_PATH + '?')}" if request.query else ""
    shown: dict[str, Any] = {
        "method": request.method,
        "url": f"http://{host}{quote(request.path, safe=_PATH)}{query}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request.headers.items()),
        "queryString": _pairs(parse_qsl(request.query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": entry.request_bytes,
    }
    if entry.request_bytes:
        kind = request.headers.get("content-type", "")
        content = _content(request.body, entry.request_bytes, entry.most, "_encoding")
        shown["postData"] = {"mimeType": kind, **content}
    return shown


def _response(entry: Entry) -> dict[str, Any]:
    response, size = entry.response, entry.response_bytes
    kind = response.headers.get("content-type", "")
    content = _content(response.body, size, entry.most, "encoding")
    return {
        "status": response.status,
        "statusText": _phrase(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(response.headers.items()),
        "content": {"size": size, "mimeType": kind, **content},
        "redirectURL": response.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": size,
    }


def _content(body: bytes, size: int, most: int, encoding: str) -> dict[str, str]:
    """Return a body as text, or in base64, which the member `encoding` says then."""
    cut = size > most
    shown = {"_cut": f"the journal kept only {len(body):,} of {size:,} bytes"} if cut else {}
    try:
        return {"text": body.decode(), **shown}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode(), encoding: "base64", **shown}


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[Mapping[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
