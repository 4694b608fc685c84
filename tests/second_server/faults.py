# pyright: basic
"""Single faults: each is one realistic defect that a client of the server can see.

A fault names the sentence that it breaks. Its level is ``page`` where that sentence stands in the
published page, and ``facts`` where it was only observed elsewhere. A hard fault shows for some
sizes, texts, models, combinations, repetitions or at concurrency only.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.second_server.server import (
    INVALID_PARAMETER,
    INVALID_TEXT,
    MODELS,
    Content,
    Context,
    Hit,
    Hooks,
    Job,
    Json,
    Piece,
    Problem,
    Response,
    Scored,
    encode,
    tokenize,
)

Level = Literal["page", "facts"]
Install = Callable[[Hooks], None]


@dataclass(frozen=True)
class Fault:
    """A defect as data, with the function that brings it about."""

    name: str
    sentence: str
    breaks: str
    level: Level
    hard: bool
    install: Install


FAULTS: dict[str, Fault] = {}


def fault(level: Level, breaks: str, *, hard: bool = False) -> Callable[[Install], Install]:
    """Register a function as the fault of its name."""

    def register(function: Install) -> Install:
        name = function.__name__.replace("_", "-")
        sentence = (function.__doc__ or "").strip()
        FAULTS[name] = Fault(name, sentence, breaks, level, hard, function)
        return function

    return register


# Sentences that several faults break.
AUTH = "Authorization: string, header, required. Bearer"
BAD_KEY = '401: "Invalid token" without a header, "Api key is invalid" for a bad key'
TRACE = "x-siliconcloud-trace-id ... a unique identifier for tracing requests"
IDENTITY = "id: string, required. Unique identifier for the response"
RESULTS = "results: object[], required. List of reranked results"
SHAPE = '{"index": 1, "document": {"text": ...}, "relevance_score": 0.85}'
SORTED = "List of reranked results sorted by relevance score"
RELEVANCE = "documents to be ranked ... results sorted by relevance score"
TOP_N = "top_n: integer. Number of most relevant documents to return. Must be >= 1"
FORMATS = "documents: a single text string, or an array of text strings"
AT_LEAST_ONE = "At least 1 document is required"
ECHO = "return_documents: if true, it includes the input document text"
NO_ECHO = "return_documents: if false, the response does not include document text"
FLAG = "return_documents: boolean, default false"
QUERY = "query: string, required. Length must be >= 1"
MODEL = "model: string, required"
MODEL_EXACT = "Model names are exact; an unknown name answers 400 with code 20012"
INSTRUCTION = "instruction: string. Supported by Qwen3-Reranker 8B, 4B, 0.6B. Length must be >= 1"
CHUNKS = "max_chunks_per_doc: maximum number of chunks. Must be >= 1, default is 1024"
HIGHEST = "the highest score among the chunks is taken as the document's score"
OVERLAP = "overlap_tokens: integer. Must be between 0 and 80"
META = "meta: tokens and billed_units, each with integer counts"
MULTIMODAL = "Multimodal Rerank: supports image/video content in query and documents"
JSON_ANSWER = "Response: a JSON object with id, results, meta"
ALL_ONCE = "each document at most once; all documents when top_n is absent"
UNIT_RANGE = "relevance_score: in (0, 1), float32 precision (7 to 9 digits)"
BODY_400 = '400: {"code":20015,"message":"The parameter is invalid. ...","data":null}'
STATUSES = "status codes 200, 400, 401, 403, 404, 429, 503, 504"


# ---------------------------------------------------------------------------------------------
# Helpers


def bearer(context: Context) -> str:
    """What follows the scheme in the Authorization header."""
    return context.request.headers.get("authorization", "").partition(" ")[2].strip()


def accept_if(hooks: Hooks, good: Callable[[Context], bool]) -> None:
    """Accept a refused request after all where a condition holds."""
    hooks.denial.add(lambda context, refusal: None if refusal and good(context) else refusal)


def refuse_if(hooks: Hooks, field: str, bad: Callable[[dict[str, Any]], bool]) -> None:
    """Add a rule that the page does not have."""

    def check(context: Context, problem: Problem | None) -> Problem | None:
        if problem is None and isinstance(context.fields, dict) and bad(context.fields):
            return Problem("extra", field, INVALID_TEXT)
        return problem

    hooks.problem.add(check)


def change_fields(hooks: Hooks, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the fields of every request that is an object."""
    hooks.fields.add(lambda _, fields: change(fields) if isinstance(fields, dict) else fields)


def change_job(hooks: Hooks, change: Callable[[Job], Job]) -> None:
    """Change what is done for a request."""
    hooks.job.add(lambda _, job: change(job))


def change_results(hooks: Hooks, change: Callable[[list[Json]], Json]) -> None:
    """Change the list of results in the answer."""
    hooks.answer.add(lambda _, answer: {**answer, "results": change(list(answer["results"]))})


def change_entries(hooks: Hooks, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change each result in the answer."""
    change_results(hooks, lambda results: [change(dict(entry)) for entry in results])


def change_counts(hooks: Hooks, change: Callable[[Context, str, int], Json]) -> None:
    """Change each number of input tokens in the answer."""

    def changed(context: Context, answer: Json) -> Json:
        meta = {
            part: {**counts, "input_tokens": change(context, part, counts["input_tokens"])}
            for part, counts in answer.get("meta", {}).items()
        }
        return {**answer, "meta": meta} if "meta" in answer else answer

    hooks.answer.add(changed)


def change_text(hooks: Hooks, change: Callable[[str], str]) -> None:
    """Change the document text that is sent back."""

    def changed(_: Context, shown: Json) -> Json:
        return {**shown, "text": change(shown["text"])} if "text" in shown else shown

    hooks.shown.add(changed)


def change_errors(hooks: Hooks, change: Callable[[Context, Json], Json]) -> None:
    """Change the body of errors about the request itself."""
    hooks.error.add(
        lambda context, body: change(context, body) if "problem" in context.memo else body
    )


def error_status(hooks: Hooks, status: int) -> None:
    """Answer errors about the request itself with another status."""

    def changed(context: Context, response: Response) -> Response:
        if "problem" in context.memo and response.status == 400:
            response.status = status
        return response

    hooks.error_response.add(changed)


def broke(context: Context, *rules: str) -> bool:
    """Whether one of the rules is what the request was refused for."""
    problem = context.memo.get("problem")
    return isinstance(problem, Problem) and problem.rule in rules


def remember_answers(hooks: Hooks, key: Callable[[Job], tuple[Any, ...]]) -> None:
    """Cache whole answers under a key."""

    def look(context: Context, early: dict[str, Any] | None) -> dict[str, Any] | None:
        found = context.engine.memo.get(("answer", key(context.plan)))
        if found is None:
            return early
        return {**found, "id": hashlib.md5(str(context.number).encode()).hexdigest()}

    def store(context: Context, answer: Json) -> Json:
        context.engine.memo.setdefault(("answer", key(context.plan)), answer)
        return answer

    hooks.early.add(look)
    hooks.answer.add(store)


def frozen(content: Content) -> str:
    """A content as a string, for keys."""
    return content if isinstance(content, str) else json.dumps(content, sort_keys=True)


def whole_job(job: Job) -> tuple[Any, ...]:
    """Everything about a job, as a key."""
    return (
        job.model.name,
        frozen(job.query),
        tuple(frozen(content) for content in job.documents),
        job.instruction,
        job.top_n,
        job.return_documents,
        job.max_chunks,
        job.overlap,
    )


# ---------------------------------------------------------------------------------------------
# Keys


@fault("page", AUTH)
def auth_not_required(hooks: Hooks) -> None:
    """A request without an Authorization header is served."""
    accept_if(hooks, lambda context: "authorization" not in context.request.headers)


@fault("facts", BAD_KEY)
def auth_any_key(hooks: Hooks) -> None:
    """Any bearer key is good."""
    accept_if(hooks, lambda context: bool(bearer(context)))


@fault("page", AUTH)
def auth_bare_key(hooks: Hooks) -> None:
    """A key without the word Bearer is good."""
    accept_if(
        hooks,
        lambda context: context.request.headers.get("authorization") in context.engine.keys,
    )


@fault("page", AUTH, hard=True)
def auth_any_scheme(hooks: Hooks) -> None:
    """A good key passes under any scheme, such as Basic or Token."""
    accept_if(hooks, lambda context: bearer(context) in context.engine.keys)


@fault("page", AUTH, hard=True)
def auth_empty_bearer(hooks: Hooks) -> None:
    """The word Bearer with no key behind it passes."""
    accept_if(
        hooks,
        lambda context: context.request.headers.get("authorization", "").strip() == "Bearer",
    )


@fault("facts", BAD_KEY, hard=True)
def auth_key_cut(hooks: Hooks) -> None:
    """Only the first 16 characters of a key are compared."""
    accept_if(
        hooks,
        lambda context: any(bearer(context)[:16] == key[:16] for key in context.engine.keys),
    )


@fault("facts", BAD_KEY, hard=True)
def auth_key_case(hooks: Hooks) -> None:
    """Keys are compared without regard to case."""
    accept_if(
        hooks,
        lambda context: bearer(context).lower() in [key.lower() for key in context.engine.keys],
    )


@fault("page", AUTH, hard=True)
def auth_once_per_connection(hooks: Hooks) -> None:
    """After one good request, a kept connection is not asked for a key again."""

    def sticky(context: Context, refusal: Response | None) -> Response | None:
        if refusal is None:
            context.connection["known"] = True
        return None if context.connection.get("known") else refusal

    hooks.denial.add(sticky)


@fault("facts", "401: a bad or missing key")
def auth_status_200(hooks: Hooks) -> None:
    """A refused key is answered with status 200 and the error text."""

    def changed(_: Context, refusal: Response | None) -> Response | None:
        return replace(refusal, status=200) if refusal else None

    hooks.denial.add(changed)


# ---------------------------------------------------------------------------------------------
# Paths, methods, request transport


@fault("page", "POST /rerank")
def get_is_answered(hooks: Hooks) -> None:
    """GET on the endpoint answers 200 with a status of its own."""

    def routed(context: Context, response: Response | None) -> Response | None:
        request = context.request
        if request.method == "GET" and request.path == "/v1/rerank":
            return Response(200, b'{"status":"ok"}')
        return response

    hooks.route.add(routed)


@fault("facts", "`/v1/rerank/` answers 307 to `/v1/rerank`")
def slash_redirect_found(hooks: Hooks) -> None:
    """A trailing slash is redirected by 302, by which clients lose method and body."""

    def changed(_: Context, response: Response) -> Response:
        return replace(response, status=302) if response.status == 307 else response

    hooks.response.add(changed)


@fault("page", "Body: application/json", hard=True)
def content_type_exact(hooks: Hooks) -> None:
    """A content type with a charset is refused with 415."""

    def routed(context: Context, response: Response | None) -> Response | None:
        kind = context.request.headers.get("content-type", "")
        if kind.startswith("application/json") and kind != "application/json":
            return Response(415, b'{"code":20015,"message":"Unsupported Media Type","data":null}')
        return response

    hooks.route.add(routed)


@fault("facts", "Transfer-Encoding: chunked is part of HTTP/1.1 (RFC 9112, 7.1)", hard=True)
def chunked_request_empty(hooks: Hooks) -> None:
    """A body that comes in chunks is taken for empty."""
    hooks.request.add(
        lambda _, request: (
            replace(request, body=b"") if "transfer-encoding" in request.headers else request
        )
    )


@fault("page", "documents: the list of documents to be ranked (no upper size)", hard=True)
def body_read_once(hooks: Hooks) -> None:
    """Only the first 64 KiB of a body are read, so that larger ones are malformed."""
    hooks.request.add(lambda _, request: replace(request, body=request.body[:65536]))


@fault("facts", "a server must ignore `Upgrade: h2c` and answer in HTTP/1.1", hard=True)
def upgrade_taken(hooks: Hooks) -> None:
    """An offer to upgrade to h2c is answered 101 and nothing else."""

    def changed(context: Context, response: Response) -> Response:
        if "h2c" in context.request.headers.get("upgrade", ""):
            return Response(101, b"", "", [("Upgrade", "h2c")], close=True)
        return response

    hooks.response.add(changed)


@fault("facts", BAD_KEY, hard=True)
def refused_body_unread(hooks: Hooks) -> None:
    """The body of a request with a bad key stays in the connection, before the next request."""
    hooks.reads_body.add(lambda context, reads: reads and context.engine.denied(context) is None)


# ---------------------------------------------------------------------------------------------
# Trace header and id


@fault("page", TRACE)
def trace_missing(hooks: Hooks) -> None:
    """Answers have no trace header."""
    hooks.trace.add(lambda *_: None)


@fault("page", TRACE)
def trace_constant(hooks: Hooks) -> None:
    """All answers have the same trace id."""
    hooks.trace.add(lambda *_: "ti_0f2c9d7be51a4c60")


@fault("page", TRACE, hard=True)
def trace_from_client(hooks: Hooks) -> None:
    """The trace id is taken from the client's X-Request-Id or trace header, if it sends one."""

    def taken(context: Context, trace: str | None) -> str | None:
        headers = context.request.headers
        return headers.get("x-siliconcloud-trace-id") or headers.get("x-request-id") or trace

    hooks.trace.add(taken)


@fault("facts", "Header `x-siliconcloud-trace-id` on answers", hard=True)
def trace_only_on_success(hooks: Hooks) -> None:
    """Errors have no trace header."""
    hooks.trace.add(lambda context, trace: trace if context.job else None)


@fault("page", IDENTITY)
def id_missing(hooks: Hooks) -> None:
    """The answer has no id."""
    hooks.answer.add(lambda _, answer: {k: v for k, v in answer.items() if k != "id"})


@fault("page", IDENTITY)
def id_constant(hooks: Hooks) -> None:
    """The id is the one of the page's example."""
    hooks.identity.add(lambda *_: "rerank-20240115-abc123def456")


@fault("page", IDENTITY, hard=True)
def id_from_content(hooks: Hooks) -> None:
    """The id is a hash of the request, so that a repeated request has the same id."""
    hooks.identity.add(
        lambda context, _: hashlib.md5(repr(whole_job(context.plan)).encode()).hexdigest()
    )


@fault("page", IDENTITY, hard=True)
def id_from_clock(hooks: Hooks) -> None:
    """The id is a clock of 20 ms, so that near requests share one."""
    hooks.identity.add(lambda *_: f"rerank-{time.time_ns() // 20_000_000}")


# ---------------------------------------------------------------------------------------------
# Shape of the answer


@fault("page", JSON_ANSWER)
def answer_bare_array(hooks: Hooks) -> None:
    """The answer is the list itself."""
    hooks.answer.add(lambda _, answer: answer["results"])


@fault("page", RESULTS, hard=True)
def results_single_object(hooks: Hooks) -> None:
    """A single result is sent as an object and not as a list."""
    change_results(hooks, lambda results: results[0] if len(results) == 1 else results)


@fault("page", SHAPE)
def index_missing(hooks: Hooks) -> None:
    """Results have no index."""
    change_entries(hooks, lambda entry: {k: v for k, v in entry.items() if k != "index"})


@fault("page", SHAPE)
def index_from_one(hooks: Hooks) -> None:
    """The index counts from one."""
    change_entries(hooks, lambda entry: {**entry, "index": entry["index"] + 1})


@fault("page", SHAPE)
def index_is_rank(hooks: Hooks) -> None:
    """The index is the place in the ranking."""
    change_results(
        hooks, lambda results: [{**entry, "index": rank} for rank, entry in enumerate(results)]
    )


@fault("page", SHAPE, hard=True)
def index_in_batch(hooks: Hooks) -> None:
    """The index starts anew in each batch of 16 documents."""
    change_entries(hooks, lambda entry: {**entry, "index": entry["index"] % 16})


@fault("facts", ALL_ONCE, hard=True)
def index_of_equal_text(hooks: Hooks) -> None:
    """Documents are looked up by their text, so that equal ones all get the first index."""
    hooks.hits.add(
        lambda context, hits: [
            replace(hit, index=context.plan.documents.index(hit.content)) for hit in hits
        ]
    )


@fault("page", SHAPE)
def score_string(hooks: Hooks) -> None:
    """The score is a string."""
    change_entries(
        hooks, lambda entry: {**entry, "relevance_score": f"{entry['relevance_score']:.7f}"}
    )


def logit(score: float) -> float:
    """The logit of a score, kept finite."""
    score = min(max(score, 1e-9), 1 - 1e-9)
    return math.log(score / (1 - score))


@fault("facts", UNIT_RANGE)
def score_logit(hooks: Hooks) -> None:
    """Scores are raw logits."""
    change_entries(
        hooks, lambda entry: {**entry, "relevance_score": logit(entry["relevance_score"])}
    )


@fault("facts", UNIT_RANGE)
def score_two_places(hooks: Hooks) -> None:
    """Scores are rounded to two places, so that most are 0."""
    change_entries(
        hooks, lambda entry: {**entry, "relevance_score": round(entry["relevance_score"], 2)}
    )


@fault("page", JSON_ANSWER, hard=True)
def score_not_a_number(hooks: Hooks) -> None:
    """A document without words has the score NaN, which is no JSON."""

    def changed(context: Context, answer: Json) -> Json:
        results = [
            {**entry, "relevance_score": math.nan} if wordless(context, entry["index"]) else entry
            for entry in answer["results"]
        ]
        return {**answer, "results": results}

    hooks.answer.add(changed)
    hooks.encode = lambda value: json.dumps(value, ensure_ascii=False).encode()


def wordless(context: Context, index: int) -> bool:
    """Whether a document has nothing to compare."""
    content = context.plan.documents[index]
    return isinstance(content, str) and not tokenize(content)


# ---------------------------------------------------------------------------------------------
# Order and relevance


def rerank_by(hooks: Hooks, key: Callable[[Hit], Any]) -> None:
    """Order the ranking by another key; equal keys keep their right order."""
    hooks.ranking.add(lambda _, hits: sorted(hits, key=key))


@fault("page", SORTED)
def order_ascending(hooks: Hooks) -> None:
    """The least relevant document comes first."""
    rerank_by(hooks, lambda hit: hit.score)


@fault("page", SORTED)
def order_of_input(hooks: Hooks) -> None:
    """Results stand in the order of the documents."""
    rerank_by(hooks, lambda hit: hit.index)


@fault("page", SORTED)
def order_only_with_top_n(hooks: Hooks) -> None:
    """Results are sorted only where top_n is given."""
    hooks.ranking.add(
        lambda context, hits: (
            sorted(hits, key=lambda hit: hit.index) if context.plan.top_n is None else hits
        )
    )


@fault("page", SORTED, hard=True)
def order_as_text(hooks: Hooks) -> None:
    """Scores are sorted as text, so that 1.6e-05 comes before 0.1."""
    hooks.ranking.add(lambda _, hits: sorted(hits, key=lambda hit: str(hit.score), reverse=True))


@fault("page", SORTED, hard=True)
def order_head_only(hooks: Hooks) -> None:
    """Only the first ten places are sorted."""
    hooks.ranking.add(lambda _, hits: hits[:10] + sorted(hits[10:], key=lambda hit: hit.index))


@fault("page", SORTED, hard=True)
def order_lost_with_documents(hooks: Hooks) -> None:
    """With return_documents the results stand in the order of the documents."""
    hooks.hits.add(
        lambda context, hits: (
            sorted(hits, key=lambda hit: hit.index) if context.plan.return_documents else hits
        )
    )


@fault("page", RELEVANCE)
def score_constant(hooks: Hooks) -> None:
    """Every document scores 0.5."""
    hooks.scored.add(lambda _, scored: [replace(item, score=0.5) for item in scored])


@fault("page", RELEVANCE)
def query_ignored(hooks: Hooks) -> None:
    """The query has no influence on the scores."""
    change_job(hooks, lambda job: replace(job, query="-"))


@fault("page", RELEVANCE, hard=True)
def query_cut(hooks: Hooks) -> None:
    """Only the first 64 characters of the query count."""
    change_job(
        hooks,
        lambda job: replace(job, query=job.query[:64]) if isinstance(job.query, str) else job,
    )


@fault("page", RELEVANCE, hard=True)
def query_ascii_only(hooks: Hooks) -> None:
    """All but ASCII is dropped from the query before it is scored."""
    change_job(
        hooks,
        lambda job: (
            replace(job, query=job.query.encode("ascii", "ignore").decode())
            if isinstance(job.query, str)
            else job
        ),
    )


@fault("page", RELEVANCE, hard=True)
def batch_failed_half(hooks: Hooks) -> None:
    """Documents from the third batch of 16 on all score 0.5."""
    hooks.scored.add(
        lambda _, scored: [
            replace(item, score=0.5) if index >= 32 else item for index, item in enumerate(scored)
        ]
    )


@fault("page", RELEVANCE, hard=True)
def batch_order_lost(hooks: Hooks) -> None:
    """With more than 16 documents, scores are left in the order of length."""

    def mixed(_: Context, scored: list[Scored]) -> list[Scored]:
        if len(scored) <= 16:
            return scored
        return sorted(scored, key=lambda item: item.tokens)

    hooks.scored.add(mixed)


@fault("page", RELEVANCE, hard=True)
def batch_padding(hooks: Hooks) -> None:
    """Padding is not masked: beside a long document the short ones lose their score."""

    def padded(_: Context, scored: list[Scored]) -> list[Scored]:
        longest = max((item.tokens for item in scored), default=1)
        result = []
        for item in scored:
            lost = 2 * max(0.0, math.log2(longest / max(1, item.tokens)) - 3)
            value = 1 / (1 + math.exp(lost - logit(item.score))) if lost else item.score
            result.append(replace(item, score=max(value, 1e-6)))
        return result

    hooks.scored.add(padded)


# ---------------------------------------------------------------------------------------------
# top_n


@fault("page", TOP_N)
def top_n_ignored(hooks: Hooks) -> None:
    """All documents are returned whatever top_n says."""
    change_job(hooks, lambda job: replace(job, top_n=None))


@fault("page", TOP_N)
def top_n_before_sort(hooks: Hooks) -> None:
    """The first top_n documents are taken, then ranked."""
    hooks.ranking.add(
        lambda context, hits: [
            hit for hit in hits if context.plan.top_n is None or hit.index < context.plan.top_n
        ]
    )


@fault("page", TOP_N)
def top_n_one_more(hooks: Hooks) -> None:
    """One result too many is returned."""
    change_job(hooks, lambda job: replace(job, top_n=job.top_n and job.top_n + 1))


@fault("page", TOP_N, hard=True)
def top_n_all_but_one(hooks: Hooks) -> None:
    """Where top_n is the number of documents, the last one is missing."""
    hooks.hits.add(
        lambda context, hits: (
            hits[:-1] if len(hits) > 1 and len(hits) == context.plan.top_n else hits
        )
    )


@fault("facts", "all documents when `top_n` is absent", hard=True)
def top_n_default_ten(hooks: Hooks) -> None:
    """Without top_n only ten results are returned."""
    change_job(hooks, lambda job: replace(job, top_n=10) if job.top_n is None else job)


@fault("page", TOP_N, hard=True)
def top_n_capped(hooks: Hooks) -> None:
    """No more than 25 results are returned, without a word."""
    change_job(hooks, lambda job: replace(job, top_n=min(25, job.top_n)) if job.top_n else job)


@fault("facts", "`top_n` larger than the number of documents: accepted, all documents")
def top_n_large_refused(hooks: Hooks) -> None:
    """A top_n above the number of documents is refused."""

    def bad(fields: dict[str, Any]) -> bool:
        documents = fields["documents"]
        return (fields.get("top_n") or 0) > (1 if isinstance(documents, str) else len(documents))

    refuse_if(hooks, "top_n", bad)


@fault("page", TOP_N, hard=True)
def top_n_overflow(hooks: Hooks) -> None:
    """A top_n from 2147483648 on ends in 500."""

    def checked(job: Job) -> Job:
        if (job.top_n or 0) > 2**31 - 1:
            raise OverflowError
        return job

    change_job(hooks, checked)


@fault("page", TOP_N, hard=True)
def top_n_lost_with_documents(hooks: Hooks) -> None:
    """With return_documents, top_n is ignored."""
    change_job(hooks, lambda job: replace(job, top_n=None) if job.return_documents else job)


@fault("page", TOP_N)
def top_n_zero_taken(hooks: Hooks) -> None:
    """A top_n of 0 is accepted and means all."""
    hooks.rules_off.add("top_n.min")
    change_job(hooks, lambda job: replace(job, top_n=job.top_n or None))
    refuse_if(hooks, "top_n", lambda fields: (fields.get("top_n") or 0) < 0)


@fault("page", TOP_N)
def top_n_negative_taken(hooks: Hooks) -> None:
    """A negative top_n is accepted and cuts at the end."""
    hooks.rules_off.add("top_n.min")
    refuse_if(hooks, "top_n", lambda fields: fields.get("top_n") == 0)


@fault("page", TOP_N)
def top_n_string_taken(hooks: Hooks) -> None:
    """A top_n of "2" is accepted."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        value = fields.get("top_n")
        if isinstance(value, str) and value.isdecimal():
            return {**fields, "top_n": int(value)}
        return fields

    change_fields(hooks, changed)


@fault("page", TOP_N, hard=True)
def top_n_fraction_taken(hooks: Hooks) -> None:
    """A top_n of 1.5 is cut to an integer."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        value = fields.get("top_n")
        return {**fields, "top_n": int(value)} if isinstance(value, float) else fields

    change_fields(hooks, changed)


@fault("page", TOP_N, hard=True)
def top_n_true_taken(hooks: Hooks) -> None:
    """A top_n of true counts as 1."""
    change_fields(
        hooks, lambda fields: {**fields, "top_n": 1} if fields.get("top_n") is True else fields
    )


@fault("page", TOP_N, hard=True)
def top_n_one_refused(hooks: Hooks) -> None:
    """The lower bound of top_n is exclusive: 1 is refused."""
    refuse_if(hooks, "top_n", lambda fields: fields.get("top_n") == 1)


@fault("facts", "optional field `null`: accepted as absent")
def null_refused(hooks: Hooks) -> None:
    """An optional field that is null is refused."""
    refuse_if(hooks, "body", lambda fields: any(value is None for value in fields.values()))


# ---------------------------------------------------------------------------------------------
# documents and return_documents


@fault("page", FORMATS)
def documents_string_refused(hooks: Hooks) -> None:
    """A single string is refused."""
    refuse_if(hooks, "documents", lambda fields: isinstance(fields["documents"], str))


@fault("page", FORMATS)
def documents_string_letters(hooks: Hooks) -> None:
    """A single string is taken for a list of its characters."""
    change_job_documents(hooks, list)


def change_job_documents(hooks: Hooks, split: Callable[[str], list[str]]) -> None:
    """Split a single string into several documents."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        text = fields.get("documents")
        if isinstance(text, str) and text:
            return {**fields, "documents": split(text)}
        return fields

    change_fields(hooks, changed)


@fault("page", ECHO, hard=True)
def documents_string_not_echoed(hooks: Hooks) -> None:
    """A single string is not sent back with return_documents."""
    hooks.job.add(
        lambda context, job: (
            replace(job, return_documents=False)
            if isinstance(context.fields["documents"], str)
            else job
        )
    )


@fault("page", AT_LEAST_ONE)
def documents_none_taken(hooks: Hooks) -> None:
    """An empty list is answered 200 with no results."""
    hooks.rules_off.add("documents.min")


@fault("page", AT_LEAST_ONE)
def documents_one_refused(hooks: Hooks) -> None:
    """A list of one document is refused."""
    refuse_if(
        hooks,
        "documents",
        lambda fields: isinstance(fields["documents"], list) and len(fields["documents"]) == 1,
    )


@fault("page", FORMATS)
def documents_numbers_taken(hooks: Hooks) -> None:
    """Numbers and the like among the documents are made into text."""
    hooks.rules_off.add("documents.item")


@fault("page", FORMATS)
def documents_objects_taken(hooks: Hooks) -> None:
    """A text model takes objects with a text for documents."""
    hooks.rules_off.add("documents.object")


@fault("page", FORMATS, hard=True)
def documents_item_checked_first_only(hooks: Hooks) -> None:
    """Only the first document is checked to be a string."""
    hooks.rules_off.update(("documents.item", "documents.object"))
    refuse_if(
        hooks,
        "documents",
        lambda fields: (
            isinstance(fields["documents"], list)
            and isinstance(fields["documents"][0], int | float | list | type(None))
        ),
    )


@fault("page", RESULTS, hard=True)
def documents_past_32_lost(hooks: Hooks) -> None:
    """Documents from the 33rd on are dropped without a word."""
    hooks.ranking.add(lambda _, hits: [hit for hit in hits if hit.index < 32])


@fault("page", RESULTS, hard=True)
def documents_last_batch_lost(hooks: Hooks) -> None:
    """Above 16 documents, those of the last batch are lost unless it is full."""

    def lost(_: Context, hits: list[Hit]) -> list[Hit]:
        full = len(hits) // 16 * 16
        return [hit for hit in hits if hit.index < full] if full else hits

    hooks.ranking.add(lost)


@fault("facts", "500 is not listed for this endpoint", hard=True)
def documents_many_crash(hooks: Hooks) -> None:
    """More than 100 documents end in 500."""

    def crash(job: Job) -> Job:
        if len(job.documents) > 100:
            raise MemoryError
        return job

    change_job(hooks, crash)


@fault("facts", "500 is not listed for this endpoint", hard=True)
def documents_empty_text_crash(hooks: Hooks) -> None:
    """An empty document among others ends in 500."""

    def crash(job: Job) -> Job:
        if "" in job.documents:
            raise ZeroDivisionError
        return job

    change_job(hooks, crash)


@fault("page", "documents: text strings", hard=True)
def documents_astral_crash(hooks: Hooks) -> None:
    """A document with a character beyond U+FFFF, such as an emoji, ends in 500."""

    def crash(job: Job) -> Job:
        if any(letter > "\uffff" for content in job.documents for letter in frozen(content)):
            raise UnicodeError
        return job

    change_job(hooks, crash)


@fault("page", ECHO)
def echo_missing(hooks: Hooks) -> None:
    """With return_documents true there is no document."""
    change_job(hooks, lambda job: replace(job, return_documents=False))


@fault("page", FLAG)
def echo_by_default(hooks: Hooks) -> None:
    """Without return_documents the text is sent back."""
    hooks.job.add(
        lambda context, job: (
            replace(job, return_documents=True)
            if context.fields.get("return_documents") is None
            else job
        )
    )


@fault("page", SHAPE)
def echo_bare_string(hooks: Hooks) -> None:
    """The document is the text itself and not an object."""
    hooks.shown.add(lambda _, shown: shown.get("text", shown))


@fault("page", ECHO)
def echo_by_rank(hooks: Hooks) -> None:
    """The text that is sent back is the one at the rank and not the one at the index."""
    hooks.hits.add(
        lambda context, hits: [
            replace(hit, content=context.plan.documents[rank]) for rank, hit in enumerate(hits)
        ]
    )


@fault("page", ECHO, hard=True)
def echo_stripped(hooks: Hooks) -> None:
    """White space around the text is lost."""
    change_text(hooks, str.strip)


@fault("page", ECHO, hard=True)
def echo_cut(hooks: Hooks) -> None:
    """The text is cut after 1000 characters."""
    change_text(hooks, lambda text: text[:1000])


@fault("page", ECHO, hard=True)
def echo_normalized(hooks: Hooks) -> None:
    """The text comes back in the normal form NFKC."""
    change_text(hooks, lambda text: unicodedata.normalize("NFKC", text))


@fault("page", ECHO, hard=True)
def echo_html_escaped(hooks: Hooks) -> None:
    """The characters <, > and & come back as entities."""
    change_text(
        hooks,
        lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    )


@fault("page", ECHO)
def echo_mojibake(hooks: Hooks) -> None:
    """The UTF-8 of the text is read as Latin-1."""
    change_text(hooks, lambda text: text.encode().decode("latin-1"))


@fault("page", ECHO, hard=True)
def echo_prompt(hooks: Hooks) -> None:
    """With Qwen3 the text comes back in the prompt's frame."""

    def framed(context: Context, shown: Json) -> Json:
        if context.plan.model.instructed:
            return {"text": f"<Document>: {shown['text']}"}
        return shown

    hooks.shown.add(framed)


@fault("page", FLAG)
def flag_string_taken(hooks: Hooks) -> None:
    """A return_documents of "false" is accepted, and is true."""
    hooks.rules_off.add("return_documents.type")
    refuse_if(
        hooks,
        "return_documents",
        lambda fields: not isinstance(fields.get("return_documents"), bool | str | None),
    )


@fault("page", FLAG, hard=True)
def flag_number_taken(hooks: Hooks) -> None:
    """A return_documents of 1 or 0 is accepted."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        value = fields.get("return_documents")
        if isinstance(value, int) and value in (0, 1):
            return {**fields, "return_documents": bool(value)}
        return fields

    change_fields(hooks, changed)


# ---------------------------------------------------------------------------------------------
# query


@fault("page", QUERY)
def query_empty_taken(hooks: Hooks) -> None:
    """An empty query is accepted."""
    hooks.rules_off.add("query.min")


@fault("page", QUERY)
def query_missing_taken(hooks: Hooks) -> None:
    """A request without a query is accepted."""
    hooks.rules_off.add("query.missing")


@fault("page", QUERY)
def query_number_taken(hooks: Hooks) -> None:
    """A query that is a number or a list is made into text."""
    hooks.rules_off.add("query.type")


@fault("page", QUERY, hard=True)
def query_space_refused(hooks: Hooks) -> None:
    """A query is stripped before its length is checked, so that a space is refused."""
    refuse_if(
        hooks,
        "query",
        lambda fields: isinstance(fields["query"], str) and not fields["query"].strip(),
    )


# ---------------------------------------------------------------------------------------------
# model


@fault("page", MODEL)
def model_missing_taken(hooks: Hooks) -> None:
    """A request without a model is served by a default one."""
    hooks.rules_off.add("model.missing")


@fault("facts", MODEL_EXACT)
def model_unknown_taken(hooks: Hooks) -> None:
    """An unknown model is served by a default one."""
    hooks.rules_off.add("model.unknown")


@fault("facts", MODEL_EXACT)
def model_unknown_other_code(hooks: Hooks) -> None:
    """An unknown model is answered like any invalid parameter."""
    change_errors(
        hooks,
        lambda context, body: (
            {"code": INVALID_PARAMETER, "message": INVALID_TEXT, "data": None}
            if broke(context, "model.unknown")
            else body
        ),
    )


def alias_models(hooks: Hooks, alias: Callable[[str], str]) -> None:
    """Let every model be called by another name too."""
    names = {alias(name): name for name in MODELS}

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        name = fields.get("model")
        if isinstance(name, str) and name not in MODELS:
            return {**fields, "model": names.get(alias(name), name)}
        return fields

    change_fields(hooks, changed)


@fault("facts", MODEL_EXACT, hard=True)
def model_case_ignored(hooks: Hooks) -> None:
    """The case of a model's name is ignored."""
    alias_models(hooks, str.lower)


@fault("facts", MODEL_EXACT, hard=True)
def model_bare_name(hooks: Hooks) -> None:
    """A model is found by its name without the owner."""
    alias_models(hooks, lambda name: name.rpartition("/")[2])


@fault("facts", "`Pro/BAAI/bge-reranker-v2-m3`: online")
def model_pro_unknown(hooks: Hooks) -> None:
    """The Pro model is unknown, as its name has two slashes."""
    hooks.models.pop("Pro/BAAI/bge-reranker-v2-m3")


@fault("facts", "500 is not listed for this endpoint", hard=True)
def model_small_single_crash(hooks: Hooks) -> None:
    """Qwen3-Reranker-0.6B with a single document ends in 500, as a dimension is squeezed away."""

    def crash(job: Job) -> Job:
        if job.model.name.endswith("0.6B") and len(job.documents) == 1:
            raise IndexError
        return job

    change_job(hooks, crash)


@fault("page", RELEVANCE, hard=True)
def model_4b_inverted(hooks: Hooks) -> None:
    """Qwen3-Reranker-4B sends the probability of "no"."""
    hooks.scored.add(
        lambda context, scored: [
            replace(item, score=1 - item.score) if context.plan.model.name.endswith("-4B") else item
            for item in scored
        ]
    )


# ---------------------------------------------------------------------------------------------
# instruction


@fault("page", INSTRUCTION)
def instruction_refused(hooks: Hooks) -> None:
    """The Qwen3 models refuse an instruction."""
    refuse_if(
        hooks,
        "instruction",
        lambda fields: fields.get("instruction") is not None and MODELS[fields["model"]].instructed,
    )


@fault("page", INSTRUCTION)
def instruction_ignored(hooks: Hooks) -> None:
    """An instruction has no effect."""
    change_job(hooks, lambda job: replace(job, instruction=None))


@fault("page", INSTRUCTION)
def instruction_empty_taken(hooks: Hooks) -> None:
    """An empty instruction is accepted."""
    hooks.rules_off.add("instruction.min")


@fault("page", INSTRUCTION)
def instruction_number_taken(hooks: Hooks) -> None:
    """An instruction that is no string is made into text."""
    hooks.rules_off.add("instruction.type")


@fault("page", INSTRUCTION, hard=True)
def instruction_largest_only(hooks: Hooks) -> None:
    """Only the 8B model heeds an instruction."""
    change_job(
        hooks,
        lambda job: job if job.model.name.endswith("-8B") else replace(job, instruction=None),
    )


@fault("page", INSTRUCTION, hard=True)
def instruction_not_in_cache_key(hooks: Hooks) -> None:
    """A repeated request with another instruction gets the scores of the first."""
    hooks.cache_key.add(lambda _, key: (*key[:2], *key[3:]))


@fault("page", INSTRUCTION, hard=True)
def instruction_kept(hooks: Hooks) -> None:
    """An instruction stays in force for later requests that have none."""

    def kept(context: Context, job: Job) -> Job:
        memo = context.engine.memo
        if job.instruction:
            memo["instruction"] = job.instruction
        elif job.model.instructed:
            return replace(job, instruction=memo.get("instruction"))
        return job

    hooks.job.add(kept)


# ---------------------------------------------------------------------------------------------
# Chunks


@fault("page", CHUNKS)
def max_chunks_zero_taken(hooks: Hooks) -> None:
    """A max_chunks_per_doc of 0 is accepted and means the default."""
    hooks.rules_off.add("max_chunks_per_doc.min")
    change_job(hooks, lambda job: replace(job, max_chunks=max(0, job.max_chunks) or 1024))


@fault("page", CHUNKS)
def max_chunks_string_taken(hooks: Hooks) -> None:
    """A max_chunks_per_doc that is no integer is accepted."""
    hooks.rules_off.add("max_chunks_per_doc.type")


@fault("page", CHUNKS, hard=True)
def max_chunks_one_refused(hooks: Hooks) -> None:
    """A max_chunks_per_doc of 1 is refused."""
    refuse_if(hooks, "max_chunks_per_doc", lambda fields: fields.get("max_chunks_per_doc") == 1)


@fault("page", CHUNKS, hard=True)
def max_chunks_limited(hooks: Hooks) -> None:
    """A max_chunks_per_doc above its default of 1024 is refused."""
    refuse_if(
        hooks,
        "max_chunks_per_doc",
        lambda fields: (fields.get("max_chunks_per_doc") or 0) > 1024,
    )


@fault("page", CHUNKS, hard=True)
def max_chunks_ignored(hooks: Hooks) -> None:
    """All chunks of a long document count, whatever max_chunks_per_doc says."""
    change_job(hooks, lambda job: replace(job, max_chunks=1024))


@fault("page", CHUNKS, hard=True)
def max_chunks_default_one(hooks: Hooks) -> None:
    """Without max_chunks_per_doc only the first chunk counts."""
    hooks.default_max_chunks = 1


@fault("page", CHUNKS, hard=True)
def max_chunks_for_bge_only(hooks: Hooks) -> None:
    """The bce model refuses the chunk fields."""
    refuse_if(
        hooks,
        "max_chunks_per_doc",
        lambda fields: (
            str(fields["model"]).startswith("netease")
            and ("max_chunks_per_doc" in fields or "overlap_tokens" in fields)
        ),
    )


@fault("page", OVERLAP)
def overlap_81_taken(hooks: Hooks) -> None:
    """There is no upper bound for overlap_tokens."""
    hooks.rules_off.add("overlap_tokens.max")


@fault("page", OVERLAP)
def overlap_negative_taken(hooks: Hooks) -> None:
    """A negative overlap_tokens is accepted."""
    hooks.rules_off.add("overlap_tokens.min")
    change_job(hooks, lambda job: replace(job, overlap=max(0, job.overlap)))


@fault("page", OVERLAP, hard=True)
def overlap_80_refused(hooks: Hooks) -> None:
    """The upper bound of overlap_tokens is exclusive."""
    refuse_if(hooks, "overlap_tokens", lambda fields: fields.get("overlap_tokens") == 80)


@fault("page", OVERLAP, hard=True)
def overlap_zero_refused(hooks: Hooks) -> None:
    """The lower bound of overlap_tokens is exclusive."""
    refuse_if(hooks, "overlap_tokens", lambda fields: fields.get("overlap_tokens") == 0)


@fault("page", OVERLAP, hard=True)
def overlap_fraction_taken(hooks: Hooks) -> None:
    """An overlap_tokens of 1.5 is cut to an integer."""
    hooks.rules_off.add("overlap_tokens.type")


@fault("page", HIGHEST, hard=True)
def overlap_zero_no_chunks(hooks: Hooks) -> None:
    """With an overlap of 0, which is falsy, a long document is cut instead of chunked."""
    change_job(hooks, lambda job: job if job.overlap else replace(job, max_chunks=1))


@fault("page", "overlap_tokens: number of token overlaps between adjacent chunks", hard=True)
def overlap_ignored(hooks: Hooks) -> None:
    """Chunks do not overlap."""
    change_job(hooks, lambda job: replace(job, overlap=0))


@fault("page", HIGHEST, hard=True)
def chunk_mean(hooks: Hooks) -> None:
    """A long document scores the mean of its chunks."""
    hooks.chunk_scores.add(lambda _, scores: [sum(scores) / max(1, len(scores))])


@fault("page", HIGHEST, hard=True)
def chunk_tail_lost(hooks: Hooks) -> None:
    """The last chunk is lost unless it is full."""

    def lost(context: Context, chunks: list[list[str]]) -> list[list[str]]:
        if len(chunks) > 1 and len(chunks[-1]) < context.plan.model.window:
            return chunks[:-1]
        return chunks

    hooks.chunks.add(lost)


@fault("page", HIGHEST, hard=True)
def chunk_results(hooks: Hooks) -> None:
    """A document of several chunks appears several times among the results."""
    change_document_hits(hooks)


def change_document_hits(hooks: Hooks) -> None:
    """Repeat the hit of each document that was cut into chunks."""

    def counted(context: Context, pieces: list[Piece]) -> list[Piece]:
        context.memo["long"] = {piece.document for piece in pieces if piece.chunk}
        return pieces

    def repeated(context: Context, hits: list[Hit]) -> list[Hit]:
        many = context.memo.get("long", set())
        return [hit for hit in hits for _ in range(2 if hit.index in many else 1)]

    hooks.pieces.add(counted)
    hooks.ranking.add(repeated)


# ---------------------------------------------------------------------------------------------
# meta


@fault("page", META)
def meta_strings(hooks: Hooks) -> None:
    """Token counts are strings."""
    change_counts(hooks, lambda _context, _part, count: str(count))


@fault("facts", "`meta.tokens`: `input_tokens` (0 only where all documents are empty)")
def meta_zero(hooks: Hooks) -> None:
    """The number of input tokens is always 0."""
    change_counts(hooks, lambda *_: 0)


@fault("facts", "`meta.billed_units`: the same `input_tokens`")
def meta_billed_differs(hooks: Hooks) -> None:
    """Fewer tokens are billed than counted."""
    change_counts(hooks, lambda _, part, count: count if part == "tokens" else count - 1)


@fault("page", "meta: metadata about the rerank response", hard=True)
def meta_accumulates(hooks: Hooks) -> None:
    """Token counts are those of all requests so far."""

    def summed(context: Context, part: str, count: int) -> int:
        total: int = context.engine.memo.get(("sum", part), 0) + count
        context.engine.memo["sum", part] = total
        return total

    change_counts(hooks, summed)


@fault("facts", "`meta.tokens`: `input_tokens` of the request", hard=True)
def meta_first_document_only(hooks: Hooks) -> None:
    """Only the first document counts for the tokens."""

    def first(_: Context, scored: list[Scored]) -> list[Scored]:
        return [replace(item, tokens=0) if index else item for index, item in enumerate(scored)]

    hooks.scored.add(first)


# ---------------------------------------------------------------------------------------------
# Multimodal form


@fault("page", MULTIMODAL)
def vl_objects_refused(hooks: Hooks) -> None:
    """The multimodal model takes strings only."""
    refuse_if(
        hooks,
        "documents",
        lambda fields: (
            isinstance(fields["documents"], list)
            and any(isinstance(item, dict) for item in fields["documents"])
        ),
    )


@fault("page", MULTIMODAL, hard=True)
def vl_query_object_refused(hooks: Hooks) -> None:
    """The multimodal model takes only a string for the query."""
    refuse_if(hooks, "query", lambda fields: isinstance(fields["query"], dict))


@fault("facts", "multimodal: plain strings work", hard=True)
def vl_strings_refused(hooks: Hooks) -> None:
    """The multimodal model takes no plain strings for documents."""
    refuse_if(
        hooks,
        "documents",
        lambda fields: (
            MODELS[fields["model"]].multimodal
            and (
                isinstance(fields["documents"], str)
                or any(isinstance(item, str) for item in fields["documents"])
            )
        ),
    )


def contents(fields: dict[str, Any]) -> list[Any]:
    """The query and the documents as one list."""
    documents = fields.get("documents")
    return [fields.get("query"), *(documents if isinstance(documents, list) else [documents])]


@fault("facts", "content object: image is a URL or a base64 data URI", hard=True)
def vl_data_uri_refused(hooks: Hooks) -> None:
    """Images are taken by URL only."""
    refuse_if(
        hooks,
        "documents",
        lambda fields: any(
            isinstance(item, dict) and str(item.get("image", "")).startswith("data:")
            for item in contents(fields)
        ),
    )


@fault("page", MULTIMODAL, hard=True)
def vl_images_lost(hooks: Hooks) -> None:
    """Documents without text are missing from the results."""
    hooks.ranking.add(
        lambda _, hits: [
            hit for hit in hits if isinstance(hit.content, str) or hit.content.get("text")
        ]
    )


@fault("page", MULTIMODAL, hard=True)
def vl_images_all_alike(hooks: Hooks) -> None:
    """Images are not looked at: all image documents score alike."""

    def blind(context: Context, scored: list[Scored]) -> list[Scored]:
        return [
            replace(item, score=0.5)
            if not isinstance(content, str) and "text" not in content
            else item
            for item, content in zip(scored, context.plan.documents, strict=True)
        ]

    hooks.scored.add(blind)


@fault("page", "Compatible with two request formats (classic: text only)", hard=True)
def vl_query_object_on_text_model(hooks: Hooks) -> None:
    """A text model takes a content object for the query."""
    hooks.rules_off.add("query.object")


# ---------------------------------------------------------------------------------------------
# Printing and response transport


@fault("page", JSON_ANSWER)
def answer_twice_encoded(hooks: Hooks) -> None:
    """The answer is a JSON string with JSON in it."""
    hooks.answer.add(lambda _, answer: encode(answer).decode())


@fault("facts", "answers are application/json")
def answer_html_type(hooks: Hooks) -> None:
    """JSON is sent as text/html."""
    hooks.response.add(lambda _, response: replace(response, content_type="text/html"))


@fault("page", JSON_ANSWER, hard=True)
def answer_byte_order_mark(hooks: Hooks) -> None:
    """A byte order mark stands before the JSON (RFC 8259, 8.1)."""
    hooks.encode = lambda value: b"\xef\xbb\xbf" + encode(value)


@fault("page", JSON_ANSWER, hard=True)
def answer_gbk(hooks: Hooks) -> None:
    """Answers are written in GBK, which shows with Chinese text only."""
    hooks.encode = lambda value: encode(value).decode().encode("gb18030")


@fault("page", JSON_ANSWER, hard=True)
def answer_length_in_characters(hooks: Hooks) -> None:
    """Content-Length counts characters, so that answers beyond ASCII are cut."""
    hooks.response.add(
        lambda _, response: replace(response, length=len(response.body.decode("utf-8", "replace")))
    )


@fault("page", JSON_ANSWER, hard=True)
def answer_cut_at_64k(hooks: Hooks) -> None:
    """An answer ends after 64 KiB."""
    hooks.response.add(lambda _, response: replace(response, body=response.body[:65536]))


@fault("facts", "Accept-Encoding: identity excludes gzip (RFC 9110, 12.5.3)", hard=True)
def answer_always_gzip(hooks: Hooks) -> None:
    """Large answers are compressed even for a client that accepts no coding."""

    def packed(_: Context, response: Response) -> Response:
        if len(response.body) < 1024:
            return response
        headers = [*response.headers, ("Content-Encoding", "gzip")]
        return replace(response, body=gzip.compress(response.body, 1), headers=headers)

    hooks.response.add(packed)


@fault("page", "text strings as JSON: \\ud83c\\udf4e is one character", hard=True)
def escapes_split(hooks: Hooks) -> None:
    r"""A character that comes as two \u escapes is read as two replacement characters."""
    pair = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
    plain = hooks.decode
    hooks.decode = lambda body: plain(pair.sub(rb"\\ufffd\\ufffd", body))


@fault("page", "Body: application/json (the order of members means nothing)", hard=True)
def members_order_matters(hooks: Hooks) -> None:
    """Options that stand before documents are forgotten."""

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        if "documents" not in fields:
            return fields
        names = list(fields)
        early = set(names[: names.index("documents")]) - {"model", "query"}
        return {name: value for name, value in fields.items() if name not in early}

    change_fields(hooks, changed)


# ---------------------------------------------------------------------------------------------
# Errors


@fault("facts", STATUSES)
def error_status_200(hooks: Hooks) -> None:
    """Errors about the request have status 200."""
    error_status(hooks, 200)


@fault("facts", STATUSES)
def error_status_422(hooks: Hooks) -> None:
    """Errors about the request have status 422 and a body with detail."""
    error_status(hooks, 422)
    change_errors(
        hooks,
        lambda _, body: {
            "detail": [{"loc": ["body"], "msg": body["message"], "type": "value_error"}]
        },
    )


@fault("facts", BODY_400)
def error_code_string(hooks: Hooks) -> None:
    """The code of an error is a string."""
    change_errors(hooks, lambda _, body: {**body, "code": str(body["code"])})


@fault("facts", "400 for a body that is no JSON; 500 is not listed")
def malformed_status_500(hooks: Hooks) -> None:
    """A body that is no JSON ends in 500."""

    def changed(context: Context, response: Response) -> Response:
        return replace(response, status=500) if broke(context, "body.json") else response

    hooks.error_response.add(changed)


@fault("facts", "500 is not listed for this endpoint", hard=True)
def wrong_type_status_500(hooks: Hooks) -> None:
    """A query, a model or documents of a wrong type end in 500."""

    def changed(context: Context, response: Response) -> Response:
        if broke(context, "query.type", "model.type", "documents.type", "documents.item"):
            return replace(response, status=500)
        return response

    hooks.error_response.add(changed)


@fault("facts", "unknown field: tolerated and ignored")
def unknown_field_refused(hooks: Hooks) -> None:
    """A field that is not on the page is refused."""
    known = {
        "model",
        "query",
        "documents",
        "instruction",
        "top_n",
        "return_documents",
        "max_chunks_per_doc",
        "overlap_tokens",
    }
    refuse_if(hooks, "body", lambda fields: bool(set(fields) - known))


@fault("facts", "500 is not listed for this endpoint", hard=True)
def error_poisons_next(hooks: Hooks) -> None:
    """After a refused request the next good one ends in 500."""

    def noted(context: Context, response: Response) -> Response:
        if "problem" in context.memo:
            context.engine.memo["poisoned"] = True
        return response

    def crash(context: Context, job: Job) -> Job:
        if context.engine.memo.pop("poisoned", False):
            raise RuntimeError
        return job

    hooks.error_response.add(noted)
    hooks.job.add(crash)


# ---------------------------------------------------------------------------------------------
# Caches and state


@fault("page", RELEVANCE, hard=True)
def cache_without_query(hooks: Hooks) -> None:
    """A document keeps the score of the first query that it met."""
    hooks.cache_key.add(lambda _, key: (key[0], *key[2:]))


@fault("page", RELEVANCE, hard=True)
def cache_document_prefix(hooks: Hooks) -> None:
    """Documents that begin with the same 64 characters share a score."""

    def shared(_: Context, scored: list[Scored]) -> list[Scored]:
        first: dict[str, Scored] = {}
        documents = _.plan.documents
        return [
            first.setdefault(frozen(content)[:64], item)
            for content, item in zip(documents, scored, strict=True)
        ]

    hooks.scored.add(shared)


@fault("page", ECHO, hard=True)
def cache_without_flag(hooks: Hooks) -> None:
    """Answers are cached without regard to return_documents."""
    remember_answers(hooks, lambda job: whole_job(replace(job, return_documents=False)))


@fault("page", TOP_N, hard=True)
def cache_without_top_n(hooks: Hooks) -> None:
    """Answers are cached without regard to top_n."""
    remember_answers(hooks, lambda job: whole_job(replace(job, top_n=None)))


@fault("page", SHAPE, hard=True)
def cache_documents_as_set(hooks: Hooks) -> None:
    """Answers are cached by the set of documents, so that another order gets old indices."""
    remember_answers(
        hooks, lambda job: whole_job(replace(job, documents=sorted(job.documents, key=frozen)))
    )


@fault("facts", ALL_ONCE, hard=True)
def cache_grows(hooks: Hooks) -> None:
    """A cached list is extended in place, so that a repeated request gets more results."""

    def grown(context: Context, hits: list[Hit]) -> list[Hit]:
        kept: list[Hit] = context.engine.memo.setdefault(("hits", whole_job(context.plan)), [])
        kept.extend(hits)
        return sorted(kept, key=lambda hit: -hit.score)

    hooks.hits.add(grown)


@fault("page", "top_n: default all; return_documents: default false", hard=True)
def options_kept(hooks: Hooks) -> None:
    """top_n stays in force for later requests that have none, on the same connection."""

    def kept(context: Context, job: Job) -> Job:
        if job.top_n is not None:
            context.connection["top_n"] = job.top_n
        return replace(job, top_n=context.connection.get("top_n"))

    hooks.job.add(kept)


@fault("page", IDENTITY, hard=True)
def connection_answers_again(hooks: Hooks) -> None:
    """The second request on a connection gets the answer to the first."""

    def again(context: Context, response: Response) -> Response:
        if response.status != 200:
            return response
        return replace(response, body=context.connection.setdefault("body", response.body))

    hooks.response.add(again)


# ---------------------------------------------------------------------------------------------
# Concurrency


@fault("page", RELEVANCE, hard=True)
def concurrent_query_shared(hooks: Hooks) -> None:
    """Requests that are scored in one batch are all scored with the query of the last."""

    def shared(pieces: list[Piece]) -> list[Piece]:
        for piece in pieces:
            piece.query = pieces[-1].query
        return pieces

    hooks.before_batch.append(shared)


@fault("page", TOP_N, hard=True)
def concurrent_top_n_shared(hooks: Hooks) -> None:
    """top_n stands in a global variable, and the last request to come sets it."""

    def store(context: Context, job: Job) -> Job:
        context.engine.memo["top_n"] = job.top_n
        return job

    def cut(context: Context, hits: list[Hit]) -> list[Hit]:
        context.plan.top_n = context.engine.memo["top_n"]
        return hits

    hooks.job.add(store)
    hooks.ranking.add(cut)


@fault("page", JSON_ANSWER, hard=True)
def concurrent_answers_swapped(hooks: Hooks) -> None:
    """Under concurrency a request gets the answer to the one before."""

    def swapped(context: Context, answer: Json) -> Json:
        memo = context.engine.memo
        before, memo["last"] = memo.get("last"), answer
        return before if before is not None and context.engine.busy > 1 else answer

    hooks.answer.add(swapped)


@fault("facts", "overload is 429 or 503; 500 is not listed", hard=True)
def concurrent_crash(hooks: Hooks) -> None:
    """More than three requests at once end in 500."""

    def crash(context: Context, job: Job) -> Job:
        if context.engine.busy > 3:
            raise RuntimeError
        return job

    hooks.job.add(crash)
