# pyright: basic
"""A conforming rerank server: asyncio streams, a batching scorer, a result cache, chunking.

Every request travels through the same pipeline::

    read -> route -> auth -> parse -> check -> job -> pieces -> batches -> scores
         -> ranking -> hits -> answer -> encode -> response -> write

At each step stands a :class:`Stage`, at which a fault or a freedom may replace the value that
passes. Run it with ``python -m tests.second_server.server --port 0 --key sk-...``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import hashlib
import importlib
import math
import os
import re
import signal
import struct
import sys
import threading
import time
import unicodedata
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

import orjson

T = TypeVar("T")
Json: TypeAlias = Any
Content: TypeAlias = str | dict[str, str]

TRACE_HEADER = "x-siliconcloud-trace-id"
JSON_TYPE = "application/json; charset=utf-8"
INVALID_PARAMETER = 20015
MODEL_UNKNOWN = 20012
INVALID_TEXT = "The parameter is invalid. Please check again."
MODEL_UNKNOWN_TEXT = "Model does not exist. Please check it carefully."
TOKENS_PER_IMAGE = 256
TOKENS_PER_VIDEO = 1024
TOKENS_AROUND_PAIR = 4
MAX_HEAD = 64 * 1024


# ---------------------------------------------------------------------------------------------
# Models


@dataclass(frozen=True)
class Model:
    """A reranker: what it takes and how many tokens of a document it sees at once."""

    name: str
    family: str
    window: int
    chunked: bool = False
    instructed: bool = False
    multimodal: bool = False


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("BAAI/bge-reranker-v2-m3", "bge", 1024, chunked=True),
        Model("Pro/BAAI/bge-reranker-v2-m3", "bge", 1024, chunked=True),
        Model("netease-youdao/bce-reranker-base_v1", "bce", 512, chunked=True),
        Model("Qwen/Qwen3-Reranker-8B", "qwen3-8b", 32768, instructed=True),
        Model("Qwen/Qwen3-Reranker-4B", "qwen3-4b", 32768, instructed=True),
        Model("Qwen/Qwen3-Reranker-0.6B", "qwen3-0.6b", 32768, instructed=True),
        Model("Qwen/Qwen3-VL-Reranker-8B", "qwen3-vl", 32768, multimodal=True),
    )
}


MODELS_FALLBACK = "BAAI/bge-reranker-v2-m3"


# ---------------------------------------------------------------------------------------------
# What travels through the pipeline


@dataclass
class Request:
    """One HTTP request as read from the wire; header names are lower case."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path of the target, without its query string."""
        return urlsplit(self.target).path

    @property
    def query_string(self) -> str:
        """The part of the target behind the question mark."""
        return urlsplit(self.target).query


@dataclass
class Response:
    """One HTTP response, and how it is to be written."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: list[tuple[str, str]] = field(default_factory=list)
    close: bool = False
    delay: float = 0.0
    chunked: bool = False
    trickle: int = 0
    length: int | None = None
    dropped: bool = False
    reason: str = ""
    spell: Callable[[str], str] = str


@dataclass
class Problem:
    """A rule that a request breaks."""

    rule: str
    field: str
    text: str
    code: int = INVALID_PARAMETER
    status: int = 400


@dataclass
class Job:
    """A request that passed the checks, with every default filled in."""

    model: Model
    query: Content
    documents: list[Content]
    instruction: str | None = None
    top_n: int | None = None
    return_documents: bool = False
    max_chunks: int = 1024
    overlap: int = 80


@dataclass(frozen=True)
class Scored:
    """What is known of one document: its score and what it cost."""

    score: float
    tokens: int
    image_tokens: int = 0


@dataclass
class Piece:
    """A chunk of a document, together with what it is compared to."""

    context: Context
    document: int
    chunk: int
    query: list[str]
    tokens: list[str]
    instruction: list[str]
    salt: str
    score: float = 0.0


@dataclass
class Hit:
    """One entry of the ranking."""

    index: int
    score: float
    content: Content


@dataclass
class Context:
    """Everything about one request on its way through the server."""

    engine: Engine
    request: Request
    number: int
    connection: dict[str, Any]
    key: str | None = None
    fields: Any = None
    job: Job | None = None
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def plan(self) -> Job:
        """The job, at the steps behind the checks."""
        if self.job is None:
            raise RuntimeError("the job is not built yet")
        return self.job


class Stage(Generic[T]):
    """A step of the pipeline at which the passing value may be replaced."""

    def __init__(self) -> None:
        self._filters: list[Callable[[Context, T], T]] = []

    def add(self, change: Callable[[Context, T], T]) -> None:
        """Append a change; changes run in the order in which they were added."""
        self._filters.append(change)

    def __call__(self, context: Context, value: T) -> T:
        """Pass a value through all changes."""
        for change in self._filters:
            value = change(context, value)
        return value


def encode(value: Json) -> bytes:
    """Write JSON as UTF-8."""
    return orjson.dumps(value)


class Hooks:
    """The stages and the settings of one server."""

    def __init__(self) -> None:
        self.request: Stage[Request] = Stage()
        self.reads_body: Stage[bool] = Stage()
        self.route: Stage[Response | None] = Stage()
        self.denial: Stage[Response | None] = Stage()
        self.fields: Stage[Any] = Stage()
        self.problem: Stage[Problem | None] = Stage()
        self.job: Stage[Job] = Stage()
        self.early: Stage[dict[str, Any] | None] = Stage()
        self.chunks: Stage[list[list[str]]] = Stage()
        self.cache_key: Stage[tuple[Any, ...]] = Stage()
        self.pieces: Stage[list[Piece]] = Stage()
        self.chunk_scores: Stage[list[float]] = Stage()
        self.scored: Stage[list[Scored]] = Stage()
        self.ranking: Stage[list[Hit]] = Stage()
        self.hits: Stage[list[Hit]] = Stage()
        self.shown: Stage[Any] = Stage()
        self.answer: Stage[Any] = Stage()
        self.error: Stage[Any] = Stage()
        self.error_response: Stage[Response] = Stage()
        self.identity: Stage[Any] = Stage()
        self.trace: Stage[str | None] = Stage()
        self.response: Stage[Response] = Stage()
        # A batch belongs to many requests, so these take no context.
        self.before_batch: list[Callable[[list[Piece]], list[Piece]]] = []
        self.after_batch: list[Callable[[list[Piece]], None]] = []
        self.rules_off: set[str] = set()
        self.models: dict[str, Model] = dict(MODELS)
        self.encode: Callable[[Any], bytes] = encode
        self.decode: Callable[[bytes], Any] = orjson.loads
        self.single: Callable[[float], float] = shortest_single
        self.tie: Callable[[int], int] = int
        self.batch_size = 16
        self.batch_wait = 0.002
        self.cache_size = 4096
        self.max_body = 32 * 1024 * 1024
        self.default_overlap = 80
        self.default_max_chunks = 1024


# ---------------------------------------------------------------------------------------------
# Text


_IDEOGRAPHS = (
    "\U00020000-\U0003ffff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
_TOKEN = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]{{1,12}}|[^\w\s]")


def tokenize(text: str) -> list[str]:
    """Split into words (long ones in parts), single ideographs and single symbols."""
    return _TOKEN.findall(text)


def content_text(content: Content) -> str:
    """The words in a content: its text, and what an image or a video is called."""
    if isinstance(content, str):
        return content
    parts = [content.get("text", "")]
    for kind in ("image", "video"):
        reference = content.get(kind)
        if reference:
            digest = hashlib.blake2b(reference.encode(), digest_size=6).hexdigest()
            path = "" if reference.startswith("data:") else urlsplit(reference).path
            parts.append(f"{kind} {path} {digest}")
    return " ".join(part for part in parts if part)


def content_key(content: Content) -> str:
    """A key under which equal contents are equal."""
    if isinstance(content, str):
        return "s" + content
    return "o" + orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def visual_tokens(content: Content) -> int:
    """What the image and the video of a content cost."""
    if isinstance(content, str):
        return 0
    cost = TOKENS_PER_IMAGE if content.get("image") else 0
    return cost + (TOKENS_PER_VIDEO if content.get("video") else 0)


def split_chunks(tokens: list[str], window: int, overlap: int) -> list[list[str]]:
    """Cut into windows of which each repeats the last ``overlap`` tokens of the one before."""
    if len(tokens) <= window:
        return [tokens]
    step = max(1, window - overlap)
    chunks = []
    for start in range(0, len(tokens), step):
        chunks.append(tokens[start : start + window])
        if start + window >= len(tokens):
            break
    return chunks


@lru_cache(maxsize=8192)
def token_features(token: str) -> tuple[tuple[str, float], ...]:
    """The features of a token with their weights: the folded token and its letter triples."""
    folded = unicodedata.normalize("NFKC", token).casefold()
    if not folded.isalnum():
        return ((folded, 0.1),)
    features = [(folded, 0.4 if folded.isascii() and len(folded) < 4 else 1.0)]
    if len(folded) >= 3 and folded.isalpha():
        marked = f"^{folded}$"
        share = 0.8 / (len(marked) - 2)
        features += [("3" + marked[i : i + 3], share) for i in range(len(marked) - 2)]
    return tuple(features)


def features_of(tokens: Sequence[str]) -> dict[str, float]:
    """The weight of every feature, damped where a feature is repeated."""
    counts: Counter[str] = Counter()
    weights: dict[str, float] = {}
    for token in tokens:
        for name, weight in token_features(token):
            counts[name] += 1
            weights[name] = weight
    return {name: weight * (1.0 + math.log(counts[name])) for name, weight in weights.items()}


def shared(left: dict[str, float], right: dict[str, float]) -> float:
    """How much of ``left`` is found in ``right``, from 0 to 1."""
    total = sum(left.values())
    if not total:
        return 0.0
    return sum(weight for name, weight in left.items() if name in right) / total


def wobble(*parts: str) -> float:
    """A number from -1 to 1 that depends on the parts and on nothing else."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return float(int.from_bytes(digest, "big")) / 2**63 - 1.0


def relevance(piece: Piece) -> float:
    """The score of one chunk, from 0 to 1."""
    query = features_of(piece.query)
    chunk = features_of(piece.tokens)
    logit = -10.5 + 11.0 * shared(query, chunk) + 3.0 * shared(chunk, query)
    if piece.instruction:
        wish = features_of(piece.instruction)
        logit += 0.8 * shared(wish, chunk)
        logit += 0.3 * wobble(piece.salt, *piece.instruction, "|", *piece.tokens)
    logit += 0.4 * wobble(piece.salt, *piece.query, "|", *piece.tokens)
    return 1.0 / (1.0 + math.exp(-logit))


def shortest_single(score: float) -> float:
    """The decimal number of 7 to 9 digits that names the score in single precision."""
    single = struct.unpack("<f", struct.pack("<f", score))[0]
    for digits in (7, 8, 9):
        short = float(f"{single:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == single:
            return short
    return float(single)


def time_ordered_id() -> str:
    """A UUID of version 7, as 32 hexadecimal digits."""
    head = time.time_ns() // 1_000_000 & (2**48 - 1)
    tail = int.from_bytes(os.urandom(10), "big")
    value = head << 80 | 7 << 76 | (tail >> 64 & 0xFFF) << 64 | 0b10 << 62 | tail & (2**62 - 1)
    return f"{value:032x}"


# ---------------------------------------------------------------------------------------------
# Checks


def is_whole(value: Json) -> bool:
    """Whether a JSON value is an integer; 4.0 is one, true is none."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def content_fault(value: Json) -> str | None:
    """What is wrong with a multimodal content, if anything is."""
    if isinstance(value, str):
        return None
    if not isinstance(value, dict):
        return "Must be a string or an object"
    known = {kind: value[kind] for kind in ("text", "image", "video") if kind in value}
    if not known:
        return "Must have one of text, image, video"
    for kind, part in known.items():
        if not isinstance(part, str):
            return f"{kind} must be a string"
        if kind != "text" and not is_reference(part):
            return f"{kind} must be a URL or a base64 data URI"
    return None


def is_reference(value: str) -> bool:
    """Whether a string is a URL or a data URI."""
    if value.startswith(("http://", "https://")):
        return bool(urlsplit(value).netloc)
    if not value.startswith("data:"):
        return False
    head, comma, data = value.partition(",")
    if not comma or not head.endswith(";base64") or not data:
        return False
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def broken_rules(fields: Json, models: dict[str, Model]) -> Iterator[Problem]:
    """Every rule that the fields break, the most basic one first."""
    if not isinstance(fields, dict):
        yield Problem("body.type", "body", "Must be an object")
        return
    model = models.get(MODELS_FALLBACK)
    name = fields.get("model")
    if name is None:
        yield Problem("model.missing", "model", "Field required")
    elif not isinstance(name, str):
        yield Problem("model.type", "model", "Must be a string")
    elif name not in models:
        yield Problem("model.unknown", "model", MODEL_UNKNOWN_TEXT, MODEL_UNKNOWN)
    else:
        model = models[name]
    multimodal = model is not None and model.multimodal
    yield from _broken_query(fields.get("query"), multimodal)
    yield from _broken_documents(fields.get("documents"), multimodal)
    yield from _broken_options(fields)


def _broken_query(query: Json, multimodal: bool) -> Iterator[Problem]:
    if query is None:
        yield Problem("query.missing", "query", "Field required")
    elif multimodal and isinstance(query, dict):
        wrong = content_fault(query)
        if wrong:
            yield Problem("query.content", "query", wrong)
    elif isinstance(query, dict):
        yield Problem("query.object", "query", "Must be a string")
    elif not isinstance(query, str):
        yield Problem("query.type", "query", "Must be a string")
    elif not query:
        yield Problem("query.min", "query", "Length must be greater than or equal to 1")


def _broken_documents(documents: Json, multimodal: bool) -> Iterator[Problem]:
    if documents is None:
        yield Problem("documents.missing", "documents", "Field required")
    elif isinstance(documents, str):
        return
    elif not isinstance(documents, list):
        yield Problem("documents.type", "documents", "Must be a string or an array")
    elif not documents:
        yield Problem("documents.min", "documents", "Must have at least 1 item")
    else:
        for place, item in enumerate(documents):
            label = f"documents[{place}]"
            if isinstance(item, str):
                continue
            if multimodal:
                wrong = content_fault(item)
                if wrong:
                    yield Problem("documents.content", label, wrong)
            elif isinstance(item, dict):
                yield Problem("documents.object", label, "Must be a string")
            else:
                yield Problem("documents.item", label, "Must be a string")


def _broken_options(fields: dict[str, Any]) -> Iterator[Problem]:
    instruction = fields.get("instruction")
    if instruction is not None and not isinstance(instruction, str):
        yield Problem("instruction.type", "instruction", "Must be a string")
    elif instruction == "":
        yield Problem("instruction.min", "instruction", "Length must be at least 1")
    for name, low, high in (
        ("top_n", 1, None),
        ("max_chunks_per_doc", 1, None),
        ("overlap_tokens", 0, 80),
    ):
        value = fields.get(name)
        if value is None:
            continue
        if not is_whole(value):
            yield Problem(f"{name}.type", name, "Must be an integer")
            continue
        if value < low:
            yield Problem(f"{name}.min", name, f"Must be greater than or equal to {low}")
        if high is not None and value > high:
            yield Problem(f"{name}.max", name, f"Must be less than or equal to {high}")
    flag = fields.get("return_documents")
    if flag is not None and not isinstance(flag, bool):
        yield Problem("return_documents.type", "return_documents", "Must be a boolean")


# ---------------------------------------------------------------------------------------------
# From fields to a job. Tolerant, because a rule may be switched off.


def as_text(value: Json) -> str:
    """The text of a value that ought to be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return str(value["text"])
    return "" if value is None else orjson.dumps(value).decode()


def as_whole(value: Json, default: int) -> int:
    """The integer of a value that ought to be one."""
    if value is None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return default


def as_content(value: Json, multimodal: bool) -> Content:
    """A string, or the known parts of a multimodal object."""
    if multimodal and isinstance(value, dict):
        return {kind: str(value[kind]) for kind in ("text", "image", "video") if kind in value}
    return as_text(value)


def build_job(fields: dict[str, Any], hooks: Hooks) -> Job:
    """Fill in the defaults, and drop the fields that the model does not support."""
    fallback = hooks.models.get(MODELS_FALLBACK, MODELS[MODELS_FALLBACK])
    name = fields.get("model")
    model = hooks.models.get(name, fallback) if isinstance(name, str) else fallback
    documents = fields.get("documents")
    listed = documents if isinstance(documents, list) else [] if documents is None else [documents]
    top_n = fields.get("top_n")
    instruction = fields.get("instruction")
    job = Job(
        model=model,
        query=as_content(fields.get("query"), model.multimodal),
        documents=[as_content(item, model.multimodal) for item in listed],
        top_n=None if top_n is None else as_whole(top_n, 1),
        return_documents=bool(fields.get("return_documents")),
        max_chunks=hooks.default_max_chunks,
        overlap=hooks.default_overlap,
    )
    if model.instructed and instruction is not None:
        job.instruction = as_text(instruction)
    if model.chunked:
        job.max_chunks = as_whole(fields.get("max_chunks_per_doc"), job.max_chunks)
        job.overlap = as_whole(fields.get("overlap_tokens"), job.overlap)
    return job


# ---------------------------------------------------------------------------------------------
# The engine: cache, batches, ranking


class ResultCache:
    """The most recently used results."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: OrderedDict[tuple[Any, ...], Scored] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> Scored | None:
        """A result, if it is still known."""
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def put(self, key: tuple[Any, ...], value: Scored) -> None:
        """Remember a result and forget the oldest one where there are too many."""
        self._items[key] = value
        self._items.move_to_end(key)
        while len(self._items) > self._size:
            self._items.popitem(last=False)


class Batcher:
    """Collects pieces of all requests and scores them in batches."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._queue: asyncio.Queue[tuple[Piece, asyncio.Future[float]]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def score(self, pieces: Sequence[Piece]) -> list[float]:
        """The scores of the pieces, in their order."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[float]] = []
        for piece in pieces:
            future: asyncio.Future[float] = loop.create_future()
            futures.append(future)
            self._queue.put_nowait((piece, future))
        return list(await asyncio.gather(*futures))

    async def close(self) -> None:
        """Stop the worker."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def _work(self) -> None:
        while True:
            entries = [await self._queue.get()]
            if self._queue.qsize() < self._hooks.batch_size - 1:
                await asyncio.sleep(self._hooks.batch_wait)
            while len(entries) < self._hooks.batch_size and not self._queue.empty():
                entries.append(self._queue.get_nowait())
            try:
                self._run([piece for piece, _ in entries])
            except Exception as error:  # noqa: BLE001 - the requests of this batch fail, the worker goes on
                for _, future in entries:
                    if not future.done():
                        future.set_exception(error)
            for piece, future in entries:
                if not future.done():
                    future.set_result(piece.score)
            await asyncio.sleep(0)

    def _run(self, pieces: list[Piece]) -> None:
        for prepare in self._hooks.before_batch:
            pieces = prepare(pieces)
        # Pieces of like length are scored together, as a padded model would have it.
        for piece in sorted(pieces, key=lambda piece: len(piece.tokens)):
            piece.score = relevance(piece)
        for finish in self._hooks.after_batch:
            finish(pieces)


class Engine:
    """Everything behind the transport."""

    def __init__(self, keys: Sequence[str], hooks: Hooks) -> None:
        self.keys = list(keys)
        self.hooks = hooks
        self.cache = ResultCache(hooks.cache_size)
        self.batcher = Batcher(hooks)
        self.busy = 0
        self.served = 0
        self.memo: dict[Any, Any] = {}

    # -- errors

    def fail(self, context: Context, problem: Problem) -> Response:
        """The answer to a request that breaks a rule."""
        context.memo["problem"] = problem
        text = problem.text if problem.code == MODEL_UNKNOWN else INVALID_TEXT
        body = {"code": problem.code, "message": text, "data": None}
        return self.error(context, problem.status, body)

    def error(self, context: Context, status: int, body: Json) -> Response:
        """An error answer with a JSON body."""
        body = self.hooks.error(context, body)
        return self.hooks.error_response(context, Response(status, self.hooks.encode(body)))

    # -- routes

    async def handle(self, context: Context) -> Response:
        """Answer one request."""
        self.busy += 1
        self.served += 1
        try:
            context.request = self.hooks.request(context, context.request)
            response = await self._routed(context)
        except Exception:  # noqa: BLE001 - a client never sees a traceback
            body = {"code": 50000, "message": "Internal server error.", "data": None}
            response = self.error(context, 500, body)
        finally:
            self.busy -= 1
        trace = self.hooks.trace(context, os.urandom(16).hex())
        context.memo["trace"] = trace
        if trace is not None:
            response.headers.append((TRACE_HEADER, trace))
        return self.hooks.response(context, response)

    async def _routed(self, context: Context) -> Response:
        request = context.request
        other = self.hooks.route(context, None)
        if other is not None:
            return other
        if request.path == "/v1/rerank/":
            query = f"?{request.query_string}" if request.query_string else ""
            return Response(307, content_type="", headers=[("Location", "/v1/rerank" + query)])
        if request.path == "/v1/rerank":
            if request.method != "POST":
                body = {"code": 20015, "message": "Method not allowed.", "data": None}
                response = self.error(context, 405, body)
                response.headers.append(("Allow", "POST"))
                return response
            return self.denied(context) or await self.rerank(context)
        if request.path in ("/v1/models", "/v1/user/info") and request.method in ("GET", "HEAD"):
            return self.denied(context) or self._companion(context)
        return self.error_response_404(context)

    def error_response_404(self, context: Context) -> Response:
        """The answer to a path that is not served."""
        response = Response(404, b"404 page not found", "text/plain; charset=utf-8")
        return self.hooks.error_response(context, response)

    def denied(self, context: Context) -> Response | None:
        """The refusal of a request without a good key, or None."""
        header = context.request.headers.get("authorization", "").strip()
        scheme, _, token = header.partition(" ")
        token = token.strip()
        refusal: Response | None = None
        if scheme.lower() != "bearer" or not token or " " in token:
            refusal = self.error(context, 401, "Invalid token")
        elif token not in self.keys:
            refusal = self.error(context, 401, "Api key is invalid")
        else:
            context.key = token
        return self.hooks.denial(context, refusal)

    def _companion(self, context: Context) -> Response:
        if context.request.path == "/v1/models":
            data = [
                {"id": name, "object": "model", "created": 0, "owned_by": ""}
                for name in self.hooks.models
            ]
            return Response(200, self.hooks.encode({"object": "list", "data": data}))
        info = {
            "id": "user",
            "name": "user",
            "balance": "0.88",
            "status": "normal",
            "chargeBalance": "88.00",
            "totalBalance": "88.88",
        }
        body = {"code": 20000, "message": "OK", "status": True, "data": info}
        return Response(200, self.hooks.encode(body))

    # -- the endpoint

    async def rerank(self, context: Context) -> Response:
        """Answer a rerank request whose key is good."""
        hooks = self.hooks
        try:
            context.fields = hooks.decode(context.request.body)
        except ValueError:
            return self.fail(context, Problem("body.json", "body", "Must be JSON"))
        context.fields = hooks.fields(context, context.fields)
        problem = self.check(context)
        if problem is not None:
            return self.fail(context, problem)
        context.job = build_job(context.fields, hooks)
        context.job = hooks.job(context, context.job)
        answer: Any = hooks.early(context, None)
        if answer is None:
            results = await self.scored(context)
            hits = self.ranked(context, results)
            answer = self.told(context, hits, results)
        answer = hooks.answer(context, answer)
        return Response(200, hooks.encode(answer))

    def check(self, context: Context) -> Problem | None:
        """The first rule that the request breaks."""
        first: Problem | None = None
        for problem in broken_rules(context.fields, self.hooks.models):
            if problem.rule not in self.hooks.rules_off:
                first = problem
                break
        return self.hooks.problem(context, first)

    async def scored(self, context: Context) -> list[Scored]:
        """Score all documents: from the cache where they are known, else in batches."""
        job = context.plan
        query = tokenize(content_text(job.query))[: job.model.window]
        instruction = tokenize(job.instruction) if job.instruction else []
        known: dict[int, Scored] = {}
        keys: dict[int, tuple[Any, ...]] = {}
        costs: dict[int, int] = {}
        pieces: list[Piece] = []
        for index, content in enumerate(job.documents):
            key = self._key(context, content)
            cached = self.cache.get(key)
            if cached is not None:
                known[index] = cached
                continue
            keys[index] = key
            chunks = self.chunked(context, tokenize(content_text(content)))
            around = len(query) + len(instruction) + TOKENS_AROUND_PAIR
            costs[index] = sum(len(chunk) + around for chunk in chunks)
            pieces += [
                Piece(context, index, place, query, chunk, instruction, job.model.family)
                for place, chunk in enumerate(chunks)
            ]
        pieces = self.hooks.pieces(context, pieces)
        scores = await self.batcher.score(pieces)
        by_document: dict[int, list[float]] = {index: [] for index in keys}
        for piece, score in zip(pieces, scores, strict=True):
            by_document.setdefault(piece.document, []).append(score)
        for index, found in by_document.items():
            if index not in keys:
                continue
            content = job.documents[index]
            best = max(self.hooks.chunk_scores(context, found), default=0.0)
            images = visual_tokens(content) + visual_tokens(job.query)
            known[index] = Scored(best, costs[index], images)
            self.cache.put(keys[index], known[index])
        results = [known[index] for index in range(len(job.documents))]
        return self.hooks.scored(context, results)

    def _key(self, context: Context, content: Content) -> tuple[Any, ...]:
        job = context.plan
        key = (
            job.model.family,
            content_key(job.query),
            job.instruction,
            content_key(content),
            job.max_chunks,
            job.overlap,
        )
        return self.hooks.cache_key(context, key)

    def chunked(self, context: Context, tokens: list[str]) -> list[list[str]]:
        """The chunks of a document that count for its score."""
        job = context.plan
        if not job.model.chunked:
            chunks = [tokens[: job.model.window]]
        else:
            chunks = split_chunks(tokens, job.model.window, job.overlap)[: job.max_chunks]
        return self.hooks.chunks(context, chunks)

    def ranked(self, context: Context, results: Sequence[Scored]) -> list[Hit]:
        """The hits by falling score, as many as were asked for."""
        job = context.plan
        hits = [
            Hit(index, self.hooks.single(result.score), job.documents[index])
            for index, result in enumerate(results)
        ]
        hits.sort(key=lambda hit: (-hit.score, self.hooks.tie(hit.index)))
        hits = self.hooks.ranking(context, hits)
        if job.top_n is not None:
            hits = hits[: job.top_n]
        return self.hooks.hits(context, hits)

    def told(self, context: Context, hits: Sequence[Hit], results: Sequence[Scored]) -> Json:
        """The answer as a JSON value."""
        told = [self._entry(context, hit) for hit in hits]
        images = sum(result.image_tokens for result in results)
        count = sum(result.tokens for result in results) + images
        tokens = {"input_tokens": count, "output_tokens": 0, "image_tokens": images}
        billed = {**tokens, "search_units": 0, "classifications": 0}
        return {
            "id": self.hooks.identity(context, time_ordered_id()),
            "results": told,
            "meta": {"tokens": tokens, "billed_units": billed},
        }

    def _entry(self, context: Context, hit: Hit) -> dict[str, Any]:
        entry: dict[str, Any] = {"index": hit.index}
        if context.plan.return_documents:
            shown = {"text": hit.content} if isinstance(hit.content, str) else dict(hit.content)
            entry["document"] = self.hooks.shown(context, shown)
        entry["relevance_score"] = hit.score
        return entry


# ---------------------------------------------------------------------------------------------
# Transport


class BadRequestError(Exception):
    """A request that cannot be read; the connection ends after the answer."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def parse_head(head: bytes) -> Request:
    """Read a request line and its headers."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(400, INVALID_PARAMETER, INVALID_TEXT)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        if not line:
            continue
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(400, INVALID_PARAMETER, INVALID_TEXT)
        name = name.lower()
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(parts[0], parts[1], parts[2], headers)


async def read_body(reader: asyncio.StreamReader, request: Request, limit: int) -> bytes:
    """Read the body by its length or by its chunks."""
    too_large = BadRequestError(413, 20042, "Request entity too large.")
    if "transfer-encoding" in request.headers:
        if request.headers["transfer-encoding"].lower() != "chunked":
            raise BadRequestError(501, INVALID_PARAMETER, INVALID_TEXT)
        body = bytearray()
        async for part in _chunks(reader):
            body += part
            if len(body) > limit:
                raise too_large
        return bytes(body)
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError(400, INVALID_PARAMETER, INVALID_TEXT)
    if int(length) > limit:
        raise too_large
    return await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = (await reader.readuntil(b"\r\n")).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise BadRequestError(400, INVALID_PARAMETER, INVALID_TEXT) from None
        if size == 0:
            while (await reader.readuntil(b"\r\n")).strip():
                pass
            return
        yield await reader.readexactly(size)
        await reader.readexactly(2)


async def write_response(
    writer: asyncio.StreamWriter, request: Request, response: Response, keep: bool
) -> None:
    """Write a response in the way it asks for."""
    if response.delay:
        await asyncio.sleep(response.delay)
    body = response.body
    reason = response.reason or _reason(response.status)
    headers = [("Date", formatdate(usegmt=True)), *response.headers]
    if response.content_type:
        headers.append(("Content-Type", response.content_type))
    chunked = response.chunked and request.version != "HTTP/1.0"
    if chunked:
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        length = len(body) if response.length is None else response.length
        headers.append(("Content-Length", str(length)))
    headers.append(("Connection", "keep-alive" if keep else "close"))
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{response.spell(name)}: {value}" for name, value in headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
    if request.method != "HEAD":
        step = response.trickle or (1024 if chunked else max(1, len(body)))
        for start in range(0, len(body), step):
            part = body[start : start + step]
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if response.trickle:
                await writer.drain()
                await asyncio.sleep(0.002)
        if chunked:
            writer.write(b"0\r\n\r\n")
    await writer.drain()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Connection:
    """One client connection: requests are answered one after another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memo: dict[str, Any] = {}

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until one side ends the connection."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = Request("GET", "/", "HTTP/1.1", {})
        engine = self._engine
        context = Context(engine, request, engine.served + 1, self._memo)
        try:
            request = parse_head(await reader.readuntil(b"\r\n\r\n"))
            context.request = request
            if "100-continue" in request.headers.get("expect", "").lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
            if engine.hooks.reads_body(context, True):
                request.body = await read_body(reader, request, engine.hooks.max_body)
            response = await engine.handle(context)
        except BadRequestError as error:
            body = {"code": error.code, "message": str(error), "data": None}
            response = engine.error(context, error.status, body)
            response.headers.append((TRACE_HEADER, os.urandom(16).hex()))
            response.close = True
        if response.dropped:
            return False
        wish = request.headers.get("connection", "").lower()
        keep = not response.close and "close" not in wish
        if request.version == "HTTP/1.0" and "keep-alive" not in wish:
            keep = False
        await write_response(writer, request, response, keep)
        return keep


# ---------------------------------------------------------------------------------------------
# The server


def variants() -> tuple[dict[str, Json], dict[str, Json]]:
    """All freedoms and all faults by name; they import this module, hence the late import."""
    faults = importlib.import_module("tests.second_server.faults")
    freedoms = importlib.import_module("tests.second_server.freedoms")
    return freedoms.FREEDOMS, faults.FAULTS


def install(hooks: Hooks, fault: str | None, freedoms: Sequence[str]) -> None:
    """Put a fault and freedoms into the hooks; an unknown name is a ValueError."""
    known_freedoms, known_faults = variants()
    for name in freedoms:
        if name not in known_freedoms:
            raise ValueError(f"no such freedom: {name}")
        known_freedoms[name].install(hooks)
    if fault is not None:
        if fault not in known_faults:
            raise ValueError(f"no such fault: {fault}")
        known_faults[fault].install(hooks)


class Server:
    """The server in a thread of its own; also a context manager."""

    def __init__(
        self,
        keys: Sequence[str],
        fault: str | None = None,
        freedoms: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.hooks = Hooks()
        install(self.hooks, fault, freedoms)
        self._keys = list(keys)
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def base_url(self) -> str:
        """The address to give to a client, with the version in it."""
        return f"http://{self._host}:{self._port}/v1"

    def start(self) -> Server:
        """Listen; returns when the port is open."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """End all connections and the thread."""
        if self._loop is not None and self._done is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._done.set)
        if self._thread is not None:
            self._thread.join(timeout=10)
            self._thread = None

    def __enter__(self) -> Server:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        engine = Engine(self._keys, self.hooks)
        tasks: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await Connection(engine).run(reader, writer)

        try:
            listener = await asyncio.start_server(
                connected, self._host, self._port, limit=MAX_HEAD, backlog=256
            )
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.batcher.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(prog="python -m tests.second_server.server", description=__doc__)
    line.formatter_class = argparse.RawDescriptionHelpFormatter
    line.add_argument("--host", default="127.0.0.1", help="address to listen on")
    line.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    line.add_argument("--key", action="append", default=[], help="an accepted key; repeatable")
    line.add_argument("--fault", help="the name of one fault")
    line.add_argument("--freedom", action="append", default=[], help="a freedom; repeatable")
    line.add_argument("--list", action="store_true", help="list faults and freedoms, and end")
    return line


def list_variants() -> None:
    """Print a line for each fault and each freedom."""
    freedoms, faults = variants()
    for fault in faults.values():
        grade = "hard" if fault.hard else "plain"
        print(f"fault\t{fault.name}\t{fault.level}\t{grade}\t{fault.sentence}")
    for freedom in freedoms.values():
        print(f"freedom\t{freedom.name}\t\t\t{freedom.sentence}")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the process is told to end."""
    options = parser().parse_args(argv)
    if options.list:
        list_variants()
        return 0
    if not options.key:
        parser().error("at least one --key is needed")
    try:
        server = Server(options.key, options.fault, options.freedom, options.host, options.port)
        server.start()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(server.base_url, flush=True)
    ended.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    # Faults and freedoms import this module by its full name; run that copy of it.
    sys.exit(importlib.import_module("tests.second_server.server").main())
