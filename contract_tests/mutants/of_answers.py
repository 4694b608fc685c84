"""Mutants whose answers are wrong around the results: shape, id, counts, headers, errors."""

import json
from collections.abc import Callable
from dataclasses import replace

from ..contract import AnyJson
from ..exchanges import Answer, Request
from .operators import Body, answers, edits, edits_each, edits_results, without


def _status_is(status: int) -> Callable[[Answer], bool]:
    return lambda answer: answer.status == status


def _header(name: str, value: str | None) -> Callable[[Answer, Request], Answer]:
    def edit(answer: Answer, _: Request) -> Answer:
        others = {key: kept for key, kept in answer.headers.items() if key != name}
        return replace(answer, headers=others if value is None else {**others, name: value})

    return edit


def _body(body: bytes) -> Callable[[Answer, Request], Answer]:
    return lambda answer, _: replace(answer, body=body)


def _status(status: int) -> Callable[[Answer, Request], Answer]:
    return lambda answer, _: replace(answer, status=status)


def _scored(score: Callable[[float], AnyJson]) -> Callable[[Body, Body], Body]:
    return lambda result, _: {**result, "relevance_score": score(result["relevance_score"])}


def _counted(**counts: AnyJson) -> Callable[[Body, Body], Body]:
    """Change counts of `meta.tokens`."""

    def edit(body: Body, _: Body) -> Body:
        meta = body["meta"]
        return {**body, "meta": {**meta, "tokens": {**meta["tokens"], **counts}}}

    return edit


MUTANTS_OF_ANSWERS = (
    answers("answers with 201", "endpoint.rerank", _status(201), when=_status_is(200)),
    answers(
        "calls an unknown path a bad request",
        "endpoint.unknown_path",
        _status(400),
        when=_status_is(404),
    ),
    answers(
        "serves the trailing slash", "endpoint.trailing_slash", _status(308), when=_status_is(307)
    ),
    answers(
        "has no trace id",
        "response.header.trace_id",
        _header("x-siliconcloud-trace-id", None),
        when=_status_is(200),
    ),
    answers(
        "has an empty trace id",
        "response.header.trace_id",
        _header("x-siliconcloud-trace-id", " "),
        when=_status_is(200),
    ),
    answers(
        "has the same trace id always",
        "response.header.trace_id.unique",
        _header("x-siliconcloud-trace-id", "0" * 32),
    ),
    answers(
        "answers as text/plain",
        "response.header.content_type",
        _header("content-type", "text/plain"),
        when=_status_is(200),
    ),
    edits(
        "cuts the body short", "response.body.json", lambda body, _: json.dumps(body)[:-1].encode()
    ),
    edits_each("scores NaN", "response.body.json", _scored(lambda _: float("nan"))),
    answers(
        "answers with a page", "response.body.json", _body(b"not <html>"), when=_status_is(200)
    ),
    edits("answers with a bare array", "response.body.type", lambda body, _: body["results"]),
    edits("has no id", "response.id.required", lambda body, _: without(body, "id")),
    edits("has a number for an id", "response.id.type", lambda body, _: {**body, "id": 7}),
    edits("has an empty id", "response.id.type", lambda body, _: {**body, "id": ""}),
    edits("has the same id always", "response.id.unique", lambda body, _: {**body, "id": "0" * 32}),
    edits(
        "has the model for an id",
        "response.id.unique",
        lambda body, sent: {**body, "id": f"rerank-{sent['model']}"},
    ),
    edits(
        "writes the id in capitals",
        "response.id.format",
        lambda body, _: {**body, "id": body["id"].upper()},
    ),
    edits("has no results", "response.results.required", lambda body, _: without(body, "results")),
    edits(
        "has its results in data",
        "response.results.required",
        lambda body, _: {"id": body["id"], "data": body["results"]},
    ),
    edits(
        "has null for results", "response.results.type", lambda body, _: {**body, "results": None}
    ),
    edits_results(
        "has an object for results",
        "response.results.type",
        lambda results, _: {str(result["index"]): result for result in results},
    ),
    edits_results(
        "has bare indices for results",
        "response.results.type",
        lambda results, _: [result["index"] for result in results],
    ),
    edits("has a list for meta", "response.meta.type", lambda body, _: {**body, "meta": []}),
    edits(
        "has a number for tokens",
        "response.meta.type",
        lambda body, _: {**body, "meta": {"tokens": 1}},
    ),
    edits("writes counts as strings", "response.meta.count.type", _counted(output_tokens="0")),
    edits("counts in fractions", "response.meta.count.type", _counted(input_tokens=2.5)),
    edits("counts below zero", "response.meta.count.minimum", _counted(output_tokens=-1)),
    edits("bills other tokens", "response.meta.tokens", _counted(input_tokens=1_000_000)),
    edits("has no meta", "response.meta.tokens", lambda body, _: without(body, "meta")),
    answers("refuses with 500", "error.status.listed", _status(500), when=_status_is(400)),
    answers(
        "refuses with 422 for 400", "error.status.bad_request", _status(422), when=_status_is(400)
    ),
    answers(
        "forbids without a key", "error.status.unauthorized", _status(403), when=_status_is(401)
    ),
    answers(
        "refuses with a page",
        "error.body.family",
        _body(b"<html><body>Bad Request</body></html>"),
        when=_status_is(400),
    ),
    answers("refuses without a body", "error.body.family", _body(b""), when=_status_is(400)),
    answers(
        "refuses with detail", "error.body.family", _body(b'{"detail": []}'), when=_status_is(400)
    ),
    answers(
        "refuses with an empty message",
        "error.body.family",
        _body(b'{"code": 1, "message": ""}'),
        when=_status_is(400),
    ),
    edits(
        "has another code for an unknown model",
        "error.model_not_found.code",
        lambda body, _: {**body, "code": 20015},
        status=400,
    ),
    answers(
        "refuses without a trace id",
        "error.header.trace_id",
        _header("x-siliconcloud-trace-id", None),
        when=_status_is(400),
    ),
    answers(
        "repeats the key", "error.key_hidden", lambda answer, _: replace(answer, repeats_key=True)
    ),
)
