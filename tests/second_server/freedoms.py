# pyright: basic
"""Ways in which a server may differ that the published page allows.

A judge of the page must not fail any of them. ``leaves`` says what the page leaves open.
"""

from __future__ import annotations

import gzip
import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.second_server.server import (
    INVALID_PARAMETER,
    INVALID_TEXT,
    MODELS,
    Context,
    Hooks,
    Job,
    Json,
    Problem,
    Response,
    Scored,
    content_text,
    encode,
    tokenize,
    wobble,
)

Install = Callable[[Hooks], None]


@dataclass(frozen=True)
class Freedom:
    """A way to differ as data, with the function that brings it about."""

    name: str
    sentence: str
    leaves: str
    install: Install


FREEDOMS: dict[str, Freedom] = {}


def freedom(leaves: str) -> Callable[[Install], Install]:
    """Register a function as the freedom of its name."""

    def register(function: Install) -> Install:
        name = function.__name__.replace("_", "-")
        FREEDOMS[name] = Freedom(name, (function.__doc__ or "").strip(), leaves, function)
        return function

    return register


# What the page leaves open, where several freedoms use it.
ERRORS = "the page publishes no error bodies for invalid requests"
LIMITS = "the page publishes no limits on number and size"
PATHS = "the page describes POST /rerank and no other path or method"
EXTRA = "the page does not close its objects to other members"
FORM = "JSON may be written in many ways"
SCORES = "the page publishes neither range nor origin of the scores"
TOKENS = "the page does not say how tokens are counted"
HTTP = "HTTP leaves it to the server"
FALSE = "if false, the response does not include document text"
IDENTITY = "the form of the id is an example only"
UNSUPPORTED = "what an unsupported field does to other models is not said"
MODELS_CHANGE = "periodic changes to the models, including model on/offlining"


# ---------------------------------------------------------------------------------------------
# Helpers


def refuse_if(
    hooks: Hooks, bad: Callable[[Context], bool], status: int = 400, code: int = INVALID_PARAMETER
) -> None:
    """Refuse requests that are otherwise good."""

    def check(context: Context, problem: Problem | None) -> Problem | None:
        if problem is None and bad(context):
            return Problem("limit", "body", INVALID_TEXT, code, status)
        return problem

    hooks.problem.add(check)


def on_problem(hooks: Hooks, change: Callable[[Problem, Json], Json]) -> None:
    """Change the body of errors about the request itself."""

    def changed(context: Context, body: Json) -> Json:
        problem = context.memo.get("problem")
        return change(problem, body) if isinstance(problem, Problem) else body

    hooks.error.add(changed)


def change_entries(hooks: Hooks, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change each result in the answer."""

    def changed(_: Context, answer: Json) -> Json:
        return {**answer, "results": [change(dict(entry)) for entry in answer["results"]]}

    hooks.answer.add(changed)


def change_scores(hooks: Hooks, change: Callable[[float], float]) -> None:
    """Change every score before the documents are ranked."""
    hooks.scored.add(lambda _, scored: [replace(item, score=change(item.score)) for item in scored])


def change_meta(hooks: Hooks, change: Callable[[Json, dict[str, Any]], Json]) -> None:
    """Change the meta of an answer, if it has one; the change gets the answer too."""

    def changed(_: Context, answer: Json) -> Json:
        if "meta" not in answer:
            return answer
        return {**answer, "meta": change(answer, answer["meta"])}

    hooks.answer.add(changed)


def count_tokens(hooks: Hooks, count: Callable[[Job, int], int]) -> None:
    """Count the tokens of each document in another way."""

    def counted(context: Context, scored: list[Scored]) -> list[Scored]:
        return [
            replace(item, tokens=count(context.plan, index)) for index, item in enumerate(scored)
        ]

    hooks.scored.add(counted)


def listed(context: Context) -> list[Any]:
    """The documents of a request as a list."""
    documents = context.fields["documents"]
    return documents if isinstance(documents, list) else [documents]


# ---------------------------------------------------------------------------------------------
# Errors


@freedom(ERRORS)
def error_names_the_field(hooks: Hooks) -> None:
    """Errors say which field breaks which rule."""
    on_problem(
        hooks,
        lambda problem, body: (
            {**body, "message": f"{problem.field}: {problem.text}"}
            if problem.code == INVALID_PARAMETER
            else body
        ),
    )


@freedom(ERRORS)
def error_other_code(hooks: Hooks) -> None:
    """Invalid parameters have the code 20016 and a text of their own."""
    on_problem(
        hooks,
        lambda problem, body: (
            {**body, "code": 20016, "message": "Value error, invalid parameter"}
            if problem.code == INVALID_PARAMETER
            else body
        ),
    )


@freedom(ERRORS)
def error_in_chinese(hooks: Hooks) -> None:
    """The messages about invalid parameters are in Chinese."""
    on_problem(
        hooks,
        lambda problem, body: (
            {**body, "message": f"参数 {problem.field} 无效"}
            if problem.code == INVALID_PARAMETER
            else body
        ),
    )


@freedom(EXTRA)
def error_more_members(hooks: Hooks) -> None:
    """Errors carry a request id and a type."""
    on_problem(
        hooks,
        lambda _, body: {**body, "request_id": os.urandom(8).hex(), "type": "invalid_request"},
    )


@freedom(ERRORS)
def malformed_plain_text(hooks: Hooks) -> None:
    """A body that is no JSON is answered 400 in plain text."""

    def changed(context: Context, response: Response) -> Response:
        problem = context.memo.get("problem")
        if isinstance(problem, Problem) and problem.rule == "body.json":
            return replace(response, body=b"invalid character in body", content_type="text/plain")
        return response

    hooks.error_response.add(changed)


@freedom("401 was seen as an object once")
def denied_object(hooks: Hooks) -> None:
    """A refused key is answered with an object of code 30014."""

    def changed(_: Context, refusal: Response | None) -> Response | None:
        if refusal is None:
            return None
        text = json.loads(refusal.body)
        if not isinstance(text, str):
            return refusal
        return replace(refusal, body=encode({"code": 30014, "message": text, "data": None}))

    hooks.denial.add(changed)


@freedom(HTTP)
def denied_text_plain(hooks: Hooks) -> None:
    """The bare string of a 401 is sent as text/plain, with a WWW-Authenticate header."""

    def changed(_: Context, refusal: Response | None) -> Response | None:
        if refusal is None:
            return None
        headers = [*refusal.headers, ("WWW-Authenticate", 'Bearer realm="api"')]
        return replace(refusal, content_type="text/plain", headers=headers)

    hooks.denial.add(changed)


@freedom("the format is `Bearer <key>`; whether its case matters is not said")
def scheme_exact(hooks: Hooks) -> None:
    """The scheme must be written Bearer."""

    def changed(context: Context, refusal: Response | None) -> Response | None:
        given = context.request.headers.get("authorization", "")
        if refusal is None and not given.startswith("Bearer "):
            return context.engine.error(context, 401, "Invalid token")
        return refusal

    hooks.denial.add(changed)


@freedom("the order of the checks is not said")
def checks_before_key(hooks: Hooks) -> None:
    """An invalid body is refused as such before the key is looked at."""

    def changed(context: Context, refusal: Response | None) -> Response | None:
        if refusal is None or context.request.method != "POST":
            return refusal
        engine = context.engine
        try:
            context.fields = hooks.decode(context.request.body)
        except ValueError:
            return engine.fail(context, Problem("body.json", "body", "Must be JSON"))
        problem = engine.check(context)
        return engine.fail(context, problem) if problem else refusal

    hooks.denial.add(changed)


# ---------------------------------------------------------------------------------------------
# Limits


@freedom(LIMITS)
def limit_64_documents(hooks: Hooks) -> None:
    """More than 64 documents are refused with 400."""
    refuse_if(hooks, lambda context: len(listed(context)) > 64)


@freedom(LIMITS)
def limit_25_documents_413(hooks: Hooks) -> None:
    """More than 25 documents are refused with 413."""
    refuse_if(hooks, lambda context: len(listed(context)) > 25, 413, 20042)


@freedom(LIMITS)
def limit_body_size(hooks: Hooks) -> None:
    """Bodies above 128 KiB are refused with 413, and the connection is closed."""
    hooks.max_body = 128 * 1024


@freedom(LIMITS)
def limit_text_length(hooks: Hooks) -> None:
    """A document of more tokens than 8192, or a query of more than 512, is refused."""

    def long(context: Context) -> bool:
        query = context.fields["query"]
        texts = [item for item in listed(context) if isinstance(item, str)]
        return (isinstance(query, str) and len(tokenize(query)) > 512) or any(
            len(tokenize(text)) > 8192 for text in texts
        )

    refuse_if(hooks, long)


@freedom("429 and 503 are among the statuses")
def busy_above_four(hooks: Hooks) -> None:
    """More than four requests at once are answered 429."""

    def routed(context: Context, response: Response | None) -> Response | None:
        if context.engine.busy <= 4:
            return response
        text = "Request was rejected due to rate limiting. Details:TPM limit reached."
        return Response(429, encode({"message": text, "data": None}))

    hooks.route.add(routed)


# ---------------------------------------------------------------------------------------------
# What is accepted


@freedom(UNSUPPORTED)
def unsupported_field_refused(hooks: Hooks) -> None:
    """A field that the model does not support is refused."""

    def bad(context: Context) -> bool:
        fields = context.fields
        model = MODELS[fields["model"]]
        chunk = fields.get("max_chunks_per_doc"), fields.get("overlap_tokens")
        if not model.chunked and chunk != (None, None):
            return True
        return not model.instructed and fields.get("instruction") is not None

    refuse_if(hooks, bad)


@freedom(UNSUPPORTED)
def unsupported_field_unchecked(hooks: Hooks) -> None:
    """A field that the model does not support may have any value."""

    def dropped(_: Context, fields: Json) -> Json:
        if not isinstance(fields, dict):
            return fields
        name = fields.get("model")
        model = MODELS.get(name) if isinstance(name, str) else None
        names: set[str] = set()
        if model and not model.chunked:
            names |= {"max_chunks_per_doc", "overlap_tokens"}
        if model and not model.instructed:
            names.add("instruction")
        return {key: value for key, value in fields.items() if key not in names}

    hooks.fields.add(dropped)


@freedom("whether 2.0 is an integer is not said")
def integral_float_refused(hooks: Hooks) -> None:
    """An integer must be written without a fraction."""

    def bad(context: Context) -> bool:
        names = ("top_n", "max_chunks_per_doc", "overlap_tokens")
        return any(isinstance(context.fields.get(name), float) for name in names)

    refuse_if(hooks, bad)


@freedom("what is to become of an empty document is not said")
def empty_document_dropped(hooks: Hooks) -> None:
    """Empty documents have no result."""
    hooks.ranking.add(lambda _, hits: [hit for hit in hits if hit.content != ""])
    count_tokens(
        hooks,
        lambda job, index: len(tokenize(content_text(job.documents[index]))),
    )


@freedom("what is to become of an empty document is not said")
def empty_document_refused(hooks: Hooks) -> None:
    """Empty documents are refused."""
    refuse_if(hooks, lambda context: "" in listed(context))


@freedom("Body: application/json")
def content_type_required(hooks: Hooks) -> None:
    """A body that is not declared as JSON is refused with 415."""

    def routed(context: Context, response: Response | None) -> Response | None:
        kind = context.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if context.request.method == "POST" and kind != "application/json":
            return Response(415, encode({"code": 20015, "message": "No JSON", "data": None}))
        return response

    hooks.route.add(routed)


@freedom("what JSON beyond its grammar does is not said")
def lenient_json(hooks: Hooks) -> None:
    """NaN, a byte order mark and lone surrogates in a body do no harm."""

    def mended(value: Json) -> Json:
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, dict):
            return {name: mended(item) for name, item in value.items()}
        return [mended(item) for item in value] if isinstance(value, list) else value

    def lenient(body: bytes) -> Json:
        return mended(json.loads(body.decode("utf-8-sig", "replace")))

    hooks.decode = lenient


@freedom(MODELS_CHANGE)
def model_bce_unknown(hooks: Hooks) -> None:
    """The bce model has left the catalogue: 400 and code 20012."""
    hooks.models.pop("netease-youdao/bce-reranker-base_v1")


@freedom(MODELS_CHANGE)
def model_vl_disabled(hooks: Hooks) -> None:
    """The multimodal model is off: 403 and code 30003."""

    def check(context: Context, problem: Problem | None) -> Problem | None:
        fields = context.fields
        if isinstance(fields, dict) and fields.get("model") == "Qwen/Qwen3-VL-Reranker-8B":
            return Problem("model.off", "model", "Model disabled.", 30003, 403)
        return problem

    hooks.problem.add(check)


@freedom("whether content is fetched is not said")
def vl_fetch_fails(hooks: Hooks) -> None:
    """Images and videos at a URL cannot be fetched, and the request is refused."""

    def remote(context: Context) -> bool:
        return any(
            isinstance(item, dict)
            and any(str(item.get(kind, "")).startswith("http") for kind in ("image", "video"))
            for item in [context.fields["query"], *listed(context)]
        )

    refuse_if(hooks, remote)


# ---------------------------------------------------------------------------------------------
# Paths and methods


@freedom(PATHS)
def method_405_empty(hooks: Hooks) -> None:
    """Another method is answered 405 without a body."""

    def changed(_: Context, response: Response) -> Response:
        if response.status == 405:
            return replace(response, body=b"", content_type="")
        return response

    hooks.response.add(changed)


@freedom(PATHS)
def method_404(hooks: Hooks) -> None:
    """Another method is answered like another path."""

    def routed(context: Context, response: Response | None) -> Response | None:
        if context.request.path == "/v1/rerank" and context.request.method != "POST":
            return context.engine.error_response_404(context)
        return response

    hooks.route.add(routed)


@freedom(PATHS)
def not_found_html(hooks: Hooks) -> None:
    """Another path is answered with a page of HTML."""

    def changed(_: Context, response: Response) -> Response:
        if response.status == 404:
            page = b"<html><body><h1>404 Not Found</h1></body></html>"
            return replace(response, body=page, content_type="text/html")
        return response

    hooks.response.add(changed)


@freedom(PATHS)
def not_found_json(hooks: Hooks) -> None:
    """Another path is answered with a JSON string."""

    def changed(_: Context, response: Response) -> Response:
        if response.status == 404:
            return replace(response, body=b'"404 page not found"', content_type="application/json")
        return response

    hooks.response.add(changed)


@freedom(PATHS)
def companions_absent(hooks: Hooks) -> None:
    """There is no /models and no /user/info."""

    def routed(context: Context, response: Response | None) -> Response | None:
        if context.request.path in ("/v1/models", "/v1/user/info"):
            return context.engine.error_response_404(context)
        return response

    hooks.route.add(routed)


# ---------------------------------------------------------------------------------------------
# Members of the answer


@freedom(EXTRA)
def more_members(hooks: Hooks) -> None:
    """The answer has object, model, created and usage."""

    def changed(context: Context, answer: Json) -> Json:
        count = answer["meta"]["tokens"]["input_tokens"] if "meta" in answer else 0
        return {
            "object": "list",
            "model": context.plan.model.name,
            "created": 1_700_000_000,
            **answer,
            "usage": {"total_tokens": count, "prompt_tokens": count},
        }

    hooks.answer.add(changed)


@freedom(EXTRA)
def more_members_of_results(hooks: Hooks) -> None:
    """Each result has an object and a rank."""
    change_entries(hooks, lambda entry: {"object": "rerank.result", **entry, "chunk": None})


@freedom(EXTRA)
def more_members_of_document(hooks: Hooks) -> None:
    """A document that is sent back has image and video members that are null."""
    hooks.shown.add(lambda _, shown: {"image": None, "video": None, **shown})


@freedom(FORM)
def members_reversed(hooks: Hooks) -> None:
    """All members stand in the reverse order."""

    def turned(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    hooks.answer.add(lambda _, answer: turned(answer))


@freedom(FALSE)
def document_null(hooks: Hooks) -> None:
    """Without return_documents the document is null."""
    change_entries(hooks, lambda entry: {"document": None, **entry})


@freedom(FALSE)
def document_empty_object(hooks: Hooks) -> None:
    """Without return_documents the document is an object without text."""
    change_entries(hooks, lambda entry: {"document": {}, **entry})


@freedom("meta is not marked as required")
def meta_absent(hooks: Hooks) -> None:
    """The answer has no meta."""
    hooks.answer.add(lambda _, answer: {k: v for k, v in answer.items() if k != "meta"})


@freedom("meta is not marked as required, nor are its members")
def meta_tokens_only(hooks: Hooks) -> None:
    """The meta has no billed units."""
    change_meta(hooks, lambda _, meta: {"tokens": meta["tokens"]})


@freedom("the members of billed_units are an example only")
def meta_billed_without_images(hooks: Hooks) -> None:
    """The billed units have no image tokens."""

    def changed(_: Json, meta: dict[str, Any]) -> Json:
        billed = meta.get("billed_units", {})
        kept = {name: count for name, count in billed.items() if name != "image_tokens"}
        return {**meta, "billed_units": kept}

    change_meta(hooks, changed)


@freedom("the page's example has one search unit and ten output tokens")
def meta_as_in_example(hooks: Hooks) -> None:
    """Each request is one search unit, and each result is one output token."""

    def changed(answer: Json, meta: dict[str, Any]) -> Json:
        count = len(answer["results"])
        example = {part: {**counts, "output_tokens": count} for part, counts in meta.items()}
        if "billed_units" in example:
            example["billed_units"]["search_units"] = 1
        return example

    change_meta(hooks, changed)


@freedom(TOKENS)
def tokens_are_bytes(hooks: Hooks) -> None:
    """A token is four bytes, and the query counts for each document."""

    def count(job: Job, index: int) -> int:
        size = len(content_text(job.query).encode("utf-8", "replace"))
        size += len(content_text(job.documents[index]).encode("utf-8", "replace"))
        return size // 4 + 1

    count_tokens(hooks, count)


@freedom(TOKENS)
def tokens_of_query_once(hooks: Hooks) -> None:
    """The query counts once and not for each document."""

    def count(job: Job, index: int) -> int:
        query = 0 if index else len(tokenize(content_text(job.query)))
        return query + len(tokenize(content_text(job.documents[index])))

    count_tokens(hooks, count)


# ---------------------------------------------------------------------------------------------
# Ids and headers


@freedom(IDENTITY)
def id_dashed_uuid(hooks: Hooks) -> None:
    """Ids are random UUIDs with dashes."""
    hooks.identity.add(lambda *_: str(uuid.UUID(bytes=os.urandom(16), version=4)))


@freedom(IDENTITY)
def id_as_in_example(hooks: Hooks) -> None:
    """Ids look like the one of the page's example."""
    hooks.identity.add(lambda *_: f"rerank-20240115-{os.urandom(6).hex()}")


@freedom("the form of the trace id is not said")
def trace_short(hooks: Hooks) -> None:
    """Trace ids are short, with a prefix."""
    hooks.trace.add(lambda context, _: f"ti_{os.urandom(4).hex()}{context.number:x}")


@freedom("header names have no case (RFC 9110, 5.1)")
def headers_upper_case(hooks: Hooks) -> None:
    """Header names are written in upper case."""
    hooks.response.add(lambda _, response: replace(response, spell=str.upper))


@freedom(HTTP)
def headers_more(hooks: Hooks) -> None:
    """Answers carry CORS, rate limit, cookie and server headers."""

    def changed(_: Context, response: Response) -> Response:
        more = [
            ("Server", "istio-envoy"),
            ("Access-Control-Allow-Origin", "*"),
            ("X-RateLimit-Remaining-Requests", "1999"),
            ("Vary", "Accept-Encoding"),
            ("Set-Cookie", "route=a1; Path=/; HttpOnly"),
            ("X-Request-Id", os.urandom(8).hex()),
        ]
        return replace(response, headers=[*more, *response.headers])

    hooks.response.add(changed)


@freedom(HTTP)
def content_type_bare(hooks: Hooks) -> None:
    """The content type has no charset."""

    def changed(_: Context, response: Response) -> Response:
        return replace(response, content_type=response.content_type.partition(";")[0])

    hooks.response.add(changed)


# ---------------------------------------------------------------------------------------------
# Printing


@freedom(FORM)
def json_ascii(hooks: Hooks) -> None:
    """Characters beyond ASCII are escaped."""
    hooks.encode = lambda value: json.dumps(value).encode()


@freedom(FORM)
def json_indented(hooks: Hooks) -> None:
    """JSON is indented and ends with a newline."""
    hooks.encode = lambda value: (
        json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    )


@freedom(FORM)
def json_escapes_slashes(hooks: Hooks) -> None:
    """Slashes and angle brackets are escaped, as some languages do."""

    def escaped(value: Json) -> bytes:
        text = encode(value)
        for letter, name in ((b"/", b"\\/"), (b"<", b"\\u003c"), (b">", b"\\u003e")):
            text = text.replace(letter, name)
        return text.replace(b"&", b"\\u0026")

    hooks.encode = escaped


class Exponent(float):
    """A float that is written with an exponent."""

    def __repr__(self) -> str:
        """Write nine digits and an exponent."""
        return f"{float(self):.8E}"


@freedom(FORM)
def float_exponent(hooks: Hooks) -> None:
    """Scores are written with an exponent, as in 9.67786098E-01."""

    def write(value: Json) -> str:
        if isinstance(value, dict):
            pairs = (f"{json.dumps(name)}:{write(item)}" for name, item in value.items())
            return "{" + ",".join(pairs) + "}"
        if isinstance(value, list):
            return "[" + ",".join(write(item) for item in value) + "]"
        return repr(Exponent(value)) if isinstance(value, float) else encode(value).decode()

    hooks.encode = lambda value: write(value).encode()


@freedom(FORM)
def float_double(hooks: Hooks) -> None:
    """Scores are written in double precision."""
    hooks.single = float


@freedom(FORM)
def float_six_places(hooks: Hooks) -> None:
    """Scores are rounded to six places."""
    hooks.single = lambda score: round(score, 6)


# ---------------------------------------------------------------------------------------------
# Transport of the answer


@freedom(HTTP)
def answer_chunked(hooks: Hooks) -> None:
    """Answers are sent in chunks."""
    hooks.response.add(lambda _, response: replace(response, chunked=bool(response.body)))


@freedom(HTTP)
def answer_gzip(hooks: Hooks) -> None:
    """Answers are compressed for clients that accept it."""

    def packed(context: Context, response: Response) -> Response:
        accepted = context.request.headers.get("accept-encoding", "")
        if "gzip" not in accepted or "gzip;q=0" in accepted.replace(" ", "") or not response.body:
            return response
        headers = [*response.headers, ("Content-Encoding", "gzip")]
        return replace(response, body=gzip.compress(response.body, 1), headers=headers)

    hooks.response.add(packed)


@freedom(HTTP)
def answer_closes(hooks: Hooks) -> None:
    """The connection ends after each answer."""
    hooks.response.add(lambda _, response: replace(response, close=True))


@freedom("no time is promised")
def answer_slow(hooks: Hooks) -> None:
    """Answers take 0.3 seconds."""
    hooks.response.add(lambda _, response: replace(response, delay=0.3))


@freedom(HTTP)
def answer_trickles(hooks: Hooks) -> None:
    """Answers come in small pieces."""

    def changed(_: Context, response: Response) -> Response:
        return replace(response, trickle=max(64, len(response.body) // 20))

    hooks.response.add(changed)


# ---------------------------------------------------------------------------------------------
# Scores


@freedom(SCORES)
def scores_narrow(hooks: Hooks) -> None:
    """Scores lie between 0.4 and 0.6."""
    change_scores(hooks, lambda score: 0.4 + 0.2 * score**0.25)


@freedom(SCORES)
def scores_flat(hooks: Hooks) -> None:
    """Scores are a gentler function of the match."""
    change_scores(hooks, lambda score: score**0.2 * 0.98)


@freedom("scores are not said to be repeatable bit for bit")
def scores_tremble(hooks: Hooks) -> None:
    """The last digits of a score change from request to request."""

    def trembled(context: Context, scored: list[Scored]) -> list[Scored]:
        return [
            replace(item, score=item.score * (1 + 2e-6 * wobble(str(context.number), str(index))))
            for index, item in enumerate(scored)
        ]

    hooks.scored.add(trembled)


@freedom("the order of equal scores is not said")
def ties_reversed(hooks: Hooks) -> None:
    """Of equal scores the later document comes first."""
    hooks.tie = lambda index: -index


@freedom("the size of a chunk is not said")
def chunks_small(hooks: Hooks) -> None:
    """A chunk has 256 tokens."""
    hooks.models.update(
        {name: replace(model, window=256) for name, model in hooks.models.items() if model.chunked}
    )


@freedom("overlap_tokens has no published default")
def chunks_without_overlap(hooks: Hooks) -> None:
    """Without overlap_tokens chunks do not overlap."""
    hooks.default_overlap = 0


@freedom("how much an instruction changes is not said")
def instruction_weak(hooks: Hooks) -> None:
    """An instruction counts as one word of the query."""

    def changed(_: Context, job: Job) -> Job:
        if job.instruction and isinstance(job.query, str):
            word = tokenize(job.instruction)[:1]
            return replace(job, instruction=None, query=" ".join([job.query, *word]))
        return job

    hooks.job.add(changed)
