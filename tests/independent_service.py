"""What the independent server answers: requests as plain values in, replies out."""

import json
import math
import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

Json: TypeAlias = Any

CHUNKING = {"max_chunks_per_doc", "overlap_tokens"}
#: Model -> the gated fields that it supports.
MODELS = {
    "BAAI/bge-reranker-v2-m3": CHUNKING,
    "Pro/BAAI/bge-reranker-v2-m3": CHUNKING,
    "Qwen/Qwen3-Reranker-0.6B": {"instruction"},
    "Qwen/Qwen3-Reranker-4B": {"instruction"},
    "Qwen/Qwen3-Reranker-8B": {"instruction"},
    "Qwen/Qwen3-VL-Reranker-8B": set[str](),
}
MULTIMODAL = {"Qwen/Qwen3-VL-Reranker-8B"}
#: Option -> its type, the least and the largest value; texts are bounded in length.
OPTIONS: dict[str, tuple[type, float, float]] = {
    "instruction": (str, 1, math.inf),
    "top_n": (int, 1, math.inf),
    "return_documents": (bool, 0, 1),
    "max_chunks_per_doc": (int, 1, math.inf),
    "overlap_tokens": (int, 0, 80),
}
GATED = {"instruction"} | CHUNKING


@dataclass(frozen=True, kw_only=True)
class Freedoms:
    """What the contract leaves to a service; each value of each is legal."""

    gated: Literal["ignored", "refused"] = "ignored"
    unknown_fields: Literal["ignored", "refused"] = "ignored"
    null: Literal["absent", "refused"] = "absent"
    integral_floats: Literal["accepted", "refused"] = "accepted"
    top_n_beyond_documents: Literal["accepted", "refused"] = "accepted"
    #: The one model that is served; None serves all.
    only_model: str | None = None
    #: What `document` is where no text was asked for.
    document: Literal["null", "absent"] = "null"
    meta: bool = True
    extra_members: bool = False
    id_shape: Literal["hexadecimal", "prefixed", "number"] = "hexadecimal"
    #: Any real number in place of one between 0 and 1.
    logits: bool = False
    #: Whole numbers from 0 to 100.
    integer_scores: bool = False
    #: Scores of one decimal, so that many are equal.
    ties: bool = False
    #: Largest change of a score from call to call.
    noise: float = 0.0
    header_case: Literal["lower", "upper", "title"] = "title"
    chunked: bool = False
    pretty: bool = False
    unauthorized_status: Literal[401, 403] = 401
    unauthorized_body: Literal["string", "object"] = "string"
    refusal_status: Literal[400, 422] = 400
    error_code: bool = True
    plain_not_found: bool = False
    #: Every so many-th call is answered with 429 and Retry-After; 0 for none.
    rate_limited_every: int = 0
    #: Every so many-th call is answered with 503; 0 for none.
    overloaded_every: int = 0


@dataclass(frozen=True)
class Reply:
    status: int
    body: Json
    headers: tuple[tuple[str, str], ...] = ()
    plain: bool = False


class RefusalError(Exception):
    """The request is not taken; `reply` says so to the client."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Service:
    """Requests in, replies out; knows nothing of HTTP framing."""

    def __init__(self, api_key: str, seed: int, freedoms: Freedoms) -> None:
        self.freedoms = freedoms
        self._authorization = f"Bearer {api_key}"
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._calls = 0

    def token(self) -> str:
        """32 hexadecimal digits that were not given out before."""
        with self._lock:
            return f"{self._random.getrandbits(128):032x}"

    def reply(self, method: str, path: str, authorization: str | None, body: bytes) -> Reply:
        try:
            if path.partition("?")[0] != "/v1/rerank":
                return Reply(404, "404 page not found", plain=self.freedoms.plain_not_found)
            if method != "POST":
                return Reply(405, "Method Not Allowed")
            self._admit(authorization)
            return Reply(200, self._rank(self._read(body)))
        except RefusalError as refusal:
            return refusal.reply

    def _admit(self, authorization: str | None) -> None:
        free = self.freedoms
        if authorization != self._authorization:
            bodies = {"string": "Invalid token", "object": self._error(30014, "Invalid token")}
            raise RefusalError(Reply(free.unauthorized_status, bodies[free.unauthorized_body]))
        with self._lock:
            self._calls += 1
            call = self._calls
        if free.rate_limited_every and call % free.rate_limited_every == 0:
            body = {"message": "Too many requests.", "data": None}
            raise RefusalError(Reply(429, body, headers=(("retry-after", "0"),)))
        if free.overloaded_every and call % free.overloaded_every == 0:
            raise RefusalError(Reply(503, self._error(50505, "Model service overloaded.")))

    def _error(self, code: int, message: str) -> Json:
        body = {"message": message, "data": None}
        return {"code": code, **body} if self.freedoms.error_code else body

    def _demand(self, holds: bool, message: str, code: int = 20015) -> None:
        if not holds:
            raise RefusalError(Reply(self.freedoms.refusal_status, self._error(code, message)))

    def _members(self, raw: bytes) -> dict[str, Json]:
        """What counts of a body: unknown fields and absent options are gone."""
        free = self.freedoms
        try:
            body: Json = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
        except (ValueError, RecursionError):
            body = None
        self._demand(isinstance(body, dict), "body: Must be a JSON object")
        members: dict[str, Json] = {}
        for name, value in body.items():
            if name not in ("model", "query", "documents", *OPTIONS):
                self._demand(free.unknown_fields == "ignored", f"{name!r}: Unknown field")
            elif value is None and name in OPTIONS:
                self._demand(free.null == "absent", f"{name}: Must not be null")
            else:
                members[name] = value
        return members

    def _read(self, raw: bytes) -> dict[str, Json]:
        """A valid request, its documents as a list, without what its model does not support."""
        free = self.freedoms
        request = self._members(raw)
        model = request.get("model")
        self._demand(isinstance(model, str), "model: Must be a string")
        served = MODELS if free.only_model is None else {free.only_model: MODELS[free.only_model]}
        self._demand(model in served, "Model does not exist.", 20012)
        for name in GATED - served[str(model)]:
            self._demand(free.gated == "ignored" or name not in request, f"{name}: Not supported")
            request.pop(name, None)

        takes_content = model in MULTIMODAL
        query, sent = request.get("query"), request.get("documents")
        self._demand(query != "" and _is_content(query, takes_content), "query: Not a query")
        self._demand(isinstance(sent, str | list) and sent != [], "documents: Must not be empty")
        documents: list[Json] = [sent] if isinstance(sent, str) else cast("list[Json]", sent)
        for document in documents:
            self._demand(_is_content(document, takes_content), "documents: Not a document")
        for name in [name for name in OPTIONS if name in request]:
            value = request[name]
            if isinstance(value, float) and value.is_integer() and OPTIONS[name][0] is int:
                self._demand(free.integral_floats == "accepted", f"{name}: Must be an integer")
                value = request[name] = int(value)
            self._demand(_is_option(name, value), f"{name}: Out of its range")
        if free.top_n_beyond_documents == "refused":
            fits = request.get("top_n", 1) <= len(documents)
            self._demand(fits, "top_n: More than there are documents")
        return {**request, "documents": documents}

    def _rank(self, request: dict[str, Json]) -> Json:
        free = self.freedoms
        documents = request["documents"]
        wanted = f"{request.get('instruction', '')}{_text(request['query'])}"
        scores = [self._score(wanted, _text(document)) for document in documents]
        order = sorted(range(len(documents)), key=lambda index: (-scores[index], index))
        results: list[Json] = []
        for index in order[: request.get("top_n")]:
            result: Json = {"index": index, "relevance_score": scores[index]}
            if request.get("return_documents"):
                document = documents[index]
                result["document"] = {"text": document} if isinstance(document, str) else document
            elif free.document == "null":
                result["document"] = None
            results.append({**result, "rank": len(results)} if free.extra_members else result)
        token = self.token()
        shapes = {
            "hexadecimal": token,
            "prefixed": f"rerank-{token}",
            "number": str(int(token, 16)),
        }
        answer: Json = {"id": shapes[free.id_shape], "results": results}
        if free.meta:
            tokens = sum(len(_text(document)) for document in documents) + len(wanted)
            counts = {"input_tokens": tokens, "output_tokens": 0}
            answer["meta"] = {
                "tokens": counts,
                "billed_units": {**counts, "search_units": 0, "classifications": 0},
            }
        if free.extra_members:
            answer = {"object": "list", "model": request["model"], **answer, "warnings": []}
        return answer

    def _score(self, wanted: str, document: str) -> float:
        """Twice the characters in common by all characters, drawn a little away from 0 and 1."""
        free = self.freedoms
        common = Counter(wanted.casefold()) & Counter(document.casefold())
        share = 2 * common.total() / max(1, len(wanted) + len(document))
        # Folding case can lengthen a text, so the share can exceed 1.
        score = 0.1 + 0.8 * min(1.0, share)
        if free.ties:
            score = round(score, 1)
        with self._lock:
            score += self._random.uniform(-free.noise, free.noise)
        if free.logits:
            score = math.log(score / (1 - score))
        return round(score * 100) if free.integer_scores else score


def _is_option(name: str, value: Json) -> bool:
    kind, least, largest = OPTIONS[name]
    if kind is str:
        return isinstance(value, str) and least <= len(value) <= largest
    is_kind = isinstance(value, int) and isinstance(value, bool) == (kind is bool)
    return is_kind and least <= value <= largest


def _is_content(value: Json, takes_content: bool) -> bool:
    if isinstance(value, str):
        return True
    if not (takes_content and isinstance(value, dict)):
        return False
    members = cast("Mapping[str, Json]", value)
    parts = [members[name] for name in ("text", "image", "video") if name in members]
    return parts != [] and all(isinstance(part, str) for part in parts)


def _text(content: Json) -> str:
    return content if isinstance(content, str) else " ".join(map(str, content.values()))


def _no_number(constant: str) -> None:
    raise ValueError(constant)
