"""Requests, responses, and strict JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

#: A JSON value.
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

#: The four kinds of error bodies of this API.
Family = Literal["object", "object_without_code", "string", "text"]

#: How deep arrays and objects may nest. orjson writes at most 254 levels.
MAX_DEPTH = 128

#: The most values in the body of a request: fields, documents, and what is in them.
MAX_VALUES = 100_000


# Requests and responses are not frozen, though nothing changes them: it would take three times as
# long to make one.
@dataclass(slots=True)
class Request:
    """A request as an adapter passes it to the engine."""

    method: str
    #: Percent-decoded, from the root of the API: `/v1/rerank`.
    path: str
    #: The query string, as it was sent.
    query: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes
    #: Whether the client waits for ever, as far as the adapter can see.
    without_timeout: bool = False
    #: The path as it was sent, where the adapter knows it.
    raw_path: bytes = b""

    #: The length of path, query and headers, in characters.
    head_length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        head = "".join((self.path, self.query, *self.headers, *self.headers.values()))
        self.head_length = len(head)

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body, parsed. Raises `WireError`, a `ValueError`, if it is not JSON."""
        return load(self.body)


#: How a connection fails: not opened, closed or reset without an answer, or closed in the middle of
#: the body.
Close = Literal["refused", "timed_out", "before_answer", "reset", "in_body"]

#: How long an operating system tries to connect, in seconds, if the client has no timeout.
CONNECTING = 127.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an answer reaches the client."""

    #: Seconds before the answer.
    delay: float = 0.0
    #: The number of pieces of about equal length in which the body is sent.
    pieces: int = 1
    #: Seconds after each piece but the last.
    pause: float = 0.0
    close: Close | None = None

    def split(self, body: bytes) -> list[bytes]:
        """Return the pieces of the body that are sent; only an empty body has an empty piece."""
        if self.pieces == 1 and self.close is None:
            return [body]
        sent = body[: len(body) // 2] if self.close == "in_body" else body
        size = max(-(-len(sent) // self.pieces), 1)
        return [sent[start : start + size] for start in range(0, max(len(sent), 1), size)]


#: Where an answer comes from if a mock stands in for another server: the mock itself, a recording,
#: or upstream, from where it is passed on as it came.
Source = Literal["mock", "recording", "upstream"]

#: At once and complete.
PROMPT = Delivery()


class Usage(NamedTuple):
    """What a request used."""

    input_tokens: int = 0
    image_tokens: int = 0
    #: In CNY.
    charge: Decimal = Decimal(0)


#: A request that was refused uses nothing.
NOTHING = Usage()


@dataclass(slots=True)
class Response:
    """An answer as the engine passes it to an adapter."""

    status: int
    #: Names in lower case. The adapter adds `content-length`.
    headers: Mapping[str, str]
    body: bytes
    delivery: Delivery = PROMPT
    #: For the journal; the client sees only what is in the body.
    usage: Usage = NOTHING
    #: None if the mock answers for nobody but itself.
    source: Source | None = None

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body, parsed. Raises `WireError`, a `ValueError`, if it is not JSON."""
        return load(self.body)


class WireError(ValueError):
    """A body that is not JSON as the mock accepts it; the message says why."""


class TooManyValuesError(WireError):
    """A body with more values than are read."""


def load(body: bytes, *, unique_keys: bool = False, most: int | None = None) -> Json:
    """Parse JSON as in RFC 8259. Raises `WireError`.

    Refused are encodings other than UTF-8, a byte order mark, NaN, numbers that no double can hold,
    lone surrogates, and nesting deeper than `MAX_DEPTH`; with `unique_keys` also duplicate keys,
    and with `most` a body with more values than that. Integers beyond 64 bits become floats.
    """
    opened = body.count(b"[") + body.count(b"{")
    if most is not None and opened + body.count(b",") > most and _has_more_values(body, most):
        raise TooManyValuesError(f"Has more than {most:,} values")
    try:
        value: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WireError(f"Is not JSON: {error}") from None
    if opened > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise WireError(f"Is nested deeper than {MAX_DEPTH} levels")
    if unique_keys:
        # Only the standard library reports duplicate keys.
        json.loads(body, object_pairs_hook=_unique)
    return value


#: What begins a value or a text, and what ends a text or escapes a character in one.
_BEGINNING = re.compile(rb'[\[{,"]')
_END = re.compile(rb'["\\]')


def _has_more_values(body: bytes, most: int) -> bool:
    """Return whether JSON has more values, without parsing it: that would happen all at once."""
    values = place = 0
    while begins := _BEGINNING.search(body, place):
        place = begins.end()
        if begins[0] != b'"':
            values += 1
            if values > most:
                return True
            continue
        while (ends := _END.search(body, place)) and ends[0] == b"\\":
            place = ends.end() + 1
        if ends is None:
            return False
        place = ends.end()
    return False


def _is_deeper(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return any(isinstance(node, (dict, list)) for node in level)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for key, value in pairs:
        if key in members:
            raise WireError(f"Has the key {key[:64]!r} twice")
        members[key] = value
    return members


def json_response(status: int, value: object, usage: Usage = NOTHING) -> Response:
    """Return a response with `value` as its JSON body."""
    headers = {"content-type": "application/json"}
    return Response(status, headers, orjson.dumps(value), usage=usage)


def error_response(status: int, family: Family, code: int | None, message: str) -> Response:
    """Return an error response of the family; only the family `object` uses `code`."""
    if family == "text":
        return Response(status, {"content-type": "text/plain; charset=utf-8"}, message.encode())
    if family == "string":
        return json_response(status, message)
    if family == "object_without_code":
        return json_response(status, {"message": message, "data": None})
    return json_response(status, {"code": code, "message": message, "data": None})
