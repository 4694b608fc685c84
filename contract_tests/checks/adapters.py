"""Requests and answers of other libraries, read as ours.

They are known by their attributes, so that none of the libraries need be installed: httpx,
requests, urllib, urllib3, aiohttp, the test clients of Flask and Django, and the mock's own.
"""

import json
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

from ..contract import AnyJson
from ..exchanges import Answer, Request
from ..redaction import blot, blot_headers, blot_text

_REQUESTS = (
    "a request of httpx, requests or urllib, a call's request, or the body that was sent: an"
    " object, text or bytes"
)
_ANSWERS = "an answer of httpx, requests, urllib3 or aiohttp, or (status, headers, body)"


def read_request(request: object) -> tuple[Request, str]:
    """The request without its key, and the key; it is empty where only a body is given.

    Raises `TypeError` for what cannot be read, and `ValueError` for a request that goes to
    another endpoint.
    """
    if isinstance(request, (dict, str, bytes, bytearray)):
        return Request(_parsed(cast("AnyJson", request))), ""
    method = _first(request, "method") or _called(request, "get_method")
    url = _first(request, "url", "full_url", "path")
    if not isinstance(method, str) or url is None:
        raise TypeError(f"cannot read a request from {_kind(request)}: pass {_REQUESTS}")
    path = urlsplit(str(url)).path
    if method.upper() != "POST" or not path.endswith("/rerank"):
        raise ValueError(f"{method} {path} is not a rerank request (POST /v1/rerank)")
    headers = _headers(_called(request, "header_items") or _first(request, "headers"))
    body = _body(request, "content", "body", "data")
    if body is None:
        raise TypeError(f"{_kind(request)} does not have the body that was sent: pass {_REQUESTS}")
    key = headers.get("authorization", "").partition(" ")[2].strip()
    sent = _parsed(blot(body, key))
    return Request(sent, content_type=headers.get("content-type")), key


def read_answer(response: object, key: str) -> Answer:
    """The answer, the key blotted out. Raises `TypeError` for what cannot be read."""
    status, raw_headers, body = _parts(response)
    if not isinstance(status, int) or raw_headers is None:
        raise TypeError(f"cannot read an answer from {_kind(response)}: pass {_ANSWERS}")
    if body is None:
        raise TypeError(f"the body of {_kind(response)} has not been read yet: read it first")
    content = body.encode() if isinstance(body, str) else bytes(body)
    received = _headers(raw_headers)
    headers = blot_headers(received, lambda text: blot_text(text, key))
    kept = blot(content, key)
    return Answer(int(status), headers, kept, repeats_key=kept != content or headers != received)


def _is_given(response: object) -> TypeGuard[tuple[Any, Any, Any]]:
    """Whether an answer is given as status, headers and body."""
    return isinstance(response, tuple) and len(cast("tuple[object, ...]", response)) == 3


def _parts(response: object) -> tuple[Any, Any, str | bytes | None]:
    """Status, headers and body of an answer."""
    if _is_given(response):
        status, headers, body = response
        return status, headers, body if isinstance(body, (str, bytes)) else json.dumps(body)
    status = _first(response, "status_code", "status")
    # aiohttp shows what it has read only to coroutines.
    body = _body(response, "content", "data", "body", "_body")
    return status, _first(response, "headers"), body


def _body(of: object, *names: str) -> bytes | None:
    """The first of the members that is a body; one that is there and None is an empty one."""
    empty = None
    for name in names:
        try:
            value: object = getattr(of, name)
        except AttributeError:
            continue
        except RuntimeError:
            # httpx has not read it, or has sent it as a stream.
            return None
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        if value is None and not name.startswith("_"):
            empty = b""
    return empty


def _parsed(body: AnyJson) -> AnyJson:
    """The JSON value of a body; what is none stays as it is."""
    if isinstance(body, dict):
        return cast("AnyJson", body)
    content = body.encode() if isinstance(body, str) else bytes(body)
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError):
        return content


def _headers(headers: Any) -> dict[str, str]:  # noqa: ANN401 - of any library
    """Headers from a mapping of any kind or from pairs, their names in lower case."""
    pairs = headers.items() if hasattr(headers, "items") else headers or ()
    return {str(name).lower(): str(value) for name, value in pairs}


def _first(of: object, *names: str) -> Any:  # noqa: ANN401 - of any library
    """The first of the members that is there and not None."""
    found = (getattr(of, name, None) for name in names)
    return next((value for value in found if value is not None), None)


def _called(of: object, name: str) -> Any:  # noqa: ANN401 - of any library
    method = getattr(of, name, None)
    return method() if callable(method) else None


def _kind(value: object) -> str:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return name + (" (is an await missing?)" if name == "coroutine" else "")
