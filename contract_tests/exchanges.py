"""What passes between the judge and a target: one request, and the answer to it.

No secret is in either: a request names its `Credential`, and other secrets by the variable that
holds them. The target puts them in at the last moment and blots them out of whatever comes back.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeGuard

from .contract import AnyJson

#: Deepest nesting of an answer that is read. What looks into a value calls itself for each level.
DEEPEST = 100


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
class Layout:
    """How JSON is written."""

    #: Whether it is ASCII, with escapes, those of slashes among them: PHP writes both.
    escaped: bool = False
    #: Spaces that it is indented by; None writes one line.
    indent: int | None = None
    #: Whether there are spaces inside of braces, as on the page.
    padded: bool = False
    #: Bytes that a shorter body is filled up to, with spaces behind it.
    least_bytes: int = 0

    def write(self, value: AnyJson) -> str:
        """A value as JSON."""
        text = json.dumps(value, ensure_ascii=self.escaped, indent=self.indent)
        if self.escaped:
            text = text.replace("/", "\\/")
        return f"{{ {text[1:-1]} }}" if self.padded else text


PLAIN = Layout()


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
    layout: Layout = PLAIN
    #: Whether the body is sent in chunks, without its length.
    chunked: bool = False
    #: More headers; a value such as `$NAME` is a secret that stands in that environment variable.
    headers: tuple[tuple[str, str], ...] = ()
    #: Where it was sent, if it was recorded; empty where it goes to the target.
    base_url: str = field(default="", compare=False)

    @cached_property
    def content(self) -> bytes | None:
        """The body as it goes over the wire."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return self.layout.write(self.body).encode().ljust(self.layout.least_bytes)


@dataclass(frozen=True)
class Answer:
    """What a target answered."""

    #: 0 where no answer ever came; then `cut` says why.
    status: int
    #: Names in lower case.
    headers: Mapping[str, str]
    #: The body, the key blotted out.
    body: bytes
    #: Whether the key stood in the answer.
    repeats_key: bool = False
    #: Why the body was not read to its end; empty where it was.
    cut: str = ""

    @cached_property
    def _parsed(self) -> tuple[bool, AnyJson]:
        return (False, None) if self.cut else parse_json(self.body)

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON in UTF-8; NaN, Infinity and what is nested too deep are none."""
        return self._parsed[0]

    @property
    def json(self) -> AnyJson:
        """The body as JSON, or None where it is none."""
        return self._parsed[1]

    @property
    def text(self) -> str:
        """The body as text, for people; where no answer came, why."""
        if not self.status:
            return self.cut
        text = self.body.decode("utf-8", errors="replace")
        return f"{text}… ({self.cut})" if self.cut else text


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


def parse_json(body: bytes) -> tuple[bool, AnyJson]:
    """Whether a body is JSON in UTF-8, and its value; NaN and what is nested too deep are none."""
    try:
        value: AnyJson = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False, None
    return (True, value) if _is_flat(value) else (False, None)


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


def is_number(value: AnyJson) -> TypeGuard[float]:
    """Whether `value` is a JSON number that a double can hold."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def _is_flat(value: AnyJson) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return True
    return False


def _members(value: AnyJson) -> Iterable[AnyJson]:
    if is_object(value):
        return value.values()
    return value if is_array(value) else ()


def _result(entry: AnyJson) -> Result | None:
    index, score = member(entry, "index"), member(entry, "relevance_score")
    if not is_number(score):
        return None
    # 1.0 is an integer to JSON Schema.
    whole = type(index) is int or (type(index) is float and index.is_integer())
    return Result(int(index), score, member(entry, "document")) if whole else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
