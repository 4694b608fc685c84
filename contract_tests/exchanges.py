"""What passes between the judge and a target: one request, and the answer to it.

A key is in neither: a request names its `Credential`, and the target puts the header
in at the last moment and blots the keys out of whatever comes back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeGuard

from .contract import AnyJson

BLOT = b"[key]"
#: A shorter key is no secret, and stands in other texts by chance.
SHORTEST_SECRET = 8


class Credential(Enum):
    """What a request says about who sends it."""

    KEY = "Bearer $SILICONFLOW_API_KEY"
    #: The key of another caller.
    SECOND_KEY = "Bearer $SILICONFLOW_SECOND_API_KEY"
    #: The key alone, without the word Bearer.
    KEY_WITHOUT_SCHEME = "$SILICONFLOW_API_KEY"
    #: A key that no service has given out.
    INVALID = "Bearer sk-rerank-contract-invalid-key"
    #: Neighbours of the key, as secret as the key itself; the shell makes them of it.
    KEY_CUT = "Bearer ${SILICONFLOW_API_KEY%?}"
    KEY_EXTENDED = "Bearer ${SILICONFLOW_API_KEY}x"
    KEY_IN_OTHER_CASE = "Bearer $(echo $SILICONFLOW_API_KEY | tr A-Za-z a-zA-Z)"
    #: The word Bearer alone.
    EMPTY = "Bearer"
    NONE = None


NEAR_KEYS = (Credential.KEY_CUT, Credential.KEY_EXTENDED, Credential.KEY_IN_OTHER_CASE)


@dataclass(frozen=True)
class Request:
    """One request, without the key."""

    #: What is sent as JSON; bytes are sent as they are; None sends no body.
    body: AnyJson
    method: str = "POST"
    #: Below the base URL.
    path: str = "/rerank"
    credential: Credential = Credential.KEY
    content_type: str | None = "application/json"
    #: The body as it is written, where that is what is tried.
    printed: str | None = None
    #: Whether the body is sent in chunks, without its length.
    chunked: bool = False

    @cached_property
    def content(self) -> bytes | None:
        """The body as it goes over the wire."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return (self.printed or json.dumps(self.body, ensure_ascii=False)).encode()


@dataclass(frozen=True)
class Answer:
    """What a target answered."""

    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    #: The body, the key blotted out.
    body: bytes
    #: Whether the key stood in the answer.
    repeats_key: bool = False

    @cached_property
    def _parsed(self) -> tuple[bool, AnyJson]:
        try:
            return True, json.loads(self.body.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return False, None

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON in UTF-8; NaN and Infinity are none."""
        return self._parsed[0]

    @property
    def json(self) -> AnyJson:
        """The body as JSON, or None where it is none."""
        return self._parsed[1]

    @property
    def text(self) -> str:
        """The body as text, for people."""
        return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Result:
    """One entry of a well-formed `results`."""

    index: int
    score: float
    #: The member `document`; None where it is null or absent.
    document: AnyJson


@dataclass(frozen=True)
class Exchange:
    """One request with its answer."""

    request: Request
    answer: Answer
    #: Position in the run, from 1.
    number: int = field(default=0, compare=False)

    @cached_property
    def ranking(self) -> tuple[Result, ...] | None:
        """The results, where the answer is a 200 whose every result has an index and a score."""
        results = member(self.answer.json, "results")
        if self.answer.status != 200 or not is_array(results):
            return None
        ranking = [_result(entry) for entry in results]
        return tuple(result for result in ranking if result) if all(ranking) else None

    @property
    def documents(self) -> list[AnyJson]:
        """The documents that were sent, a single one as a list; empty where none can be read."""
        sent = member(self.request.body, "documents")
        if is_array(sent):
            return sent
        return [sent] if isinstance(sent, str) or is_object(sent) else []


def is_array(value: AnyJson) -> TypeGuard[list[AnyJson]]:
    """Whether `value` is a JSON array."""
    return isinstance(value, list)


def is_object(value: AnyJson) -> TypeGuard[dict[str, AnyJson]]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def member(value: AnyJson, *names: str) -> AnyJson:
    """What stands in `value` under the names, one inside the other; None where nothing does."""
    for name in names:
        value = value.get(name) if is_object(value) else None
    return value


def blot(text: bytes, api_key: str) -> bytes:
    """`text` without the key."""
    if len(api_key) < SHORTEST_SECRET:
        return text
    return text.replace(api_key.encode(), BLOT)


def _result(entry: AnyJson) -> Result | None:
    index, score = member(entry, "index"), member(entry, "relevance_score")
    if type(score) not in (int, float):
        return None
    # 1.0 is an integer to JSON Schema.
    whole = type(index) is int or (type(index) is float and index.is_integer())
    return Result(int(index), score, member(entry, "document")) if whole else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
