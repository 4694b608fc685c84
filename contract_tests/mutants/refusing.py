"""Mutants that refuse what must be accepted, or take it for something else."""

import json
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from ..contract import AnyJson
from ..exchanges import Answer, Credential, Request, is_array, is_object, member
from .operators import (
    Answerer,
    Body,
    Mutant,
    Sender,
    edits_each,
    edits_results,
    refuses,
    repairs,
    without,
)

#: Gated field -> what the names of the models that support it have in common.
_SUPPORTING = {
    "instruction": "Qwen3-Reranker",
    "max_chunks_per_doc": "BAAI/bge-reranker",
    "overlap_tokens": "BAAI/bge-reranker",
}


def _has(field: str, value: AnyJson) -> Callable[[Body], bool]:
    return lambda body: type(body.get(field)) is type(value) and body[field] == value


def _dropped(field: str, wrong: Callable[[AnyJson], bool]) -> Callable[[Body], Body]:
    """Ignore a wrong value of the field."""
    return lambda body: without(body, field) if wrong(body[field]) else body


def _scaled(when: Callable[[Body], AnyJson]) -> Callable[[Body, Body], Body]:
    """Halve the scores where `when` is true of the request."""

    def edit(result: Body, sent: Body) -> Body:
        factor = 0.5 if when(sent) else 1
        return {**result, "relevance_score": result["relevance_score"] * factor}

    return edit


def _gated(field: str) -> Callable[[Body], bool]:
    """Whether the request has the gated field and a model that lacks it."""
    return lambda body: field in body and _SUPPORTING[field] not in str(body["model"])


def _cached() -> Answerer:
    """Answer as for the first request with the same query and as many documents."""
    seen: dict[str, Answer] = {}

    def answer(send: Sender, request: Request) -> Answer:
        if not is_object(request.body) or not is_array(request.body.get("documents")):
            return send(request)
        smaller = {**request.body, "documents": len(request.body["documents"])}
        original = send(request)
        if original.status != 200:
            return original
        return seen.setdefault(json.dumps(smaller, sort_keys=True), original)

    return answer


def _mixed_up() -> Answerer:
    """Answer each of two callers with the last results of the other."""
    # By number of results and caller.
    last: dict[tuple[int, Credential], AnyJson] = {}
    lock = Lock()

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        results = member(original.json, "results")
        if original.status != 200 or not is_array(results) or not results[0].get("document"):
            return original
        one, other = Credential.KEY, Credential.SECOND_KEY
        if request.credential is other:
            one, other = other, one
        with lock:
            last[len(results), one] = results
            body = {**original.json, "results": last.get((len(results), other), results)}
        return replace(original, body=json.dumps(body).encode())

    return answer


def _by_position(results: list[Body], _: Body) -> list[Body]:
    """Prefer what stands first in the request."""
    preferred = [
        {**result, "relevance_score": 0.5 * result["relevance_score"] + 0.4 / (1 + result["index"])}
        for result in results
    ]
    return sorted(preferred, key=lambda result: -float(result["relevance_score"]))


def _cut_first(body: Body) -> Body:
    """Apply top_n before sorting."""
    top_n, documents = body["top_n"], body["documents"]
    wrong = type(top_n) is not int or top_n < 1 or isinstance(documents, str)
    return body if wrong else {**body, "documents": documents[:top_n]}


def _one_more(body: Body) -> Body:
    top_n = body["top_n"]
    return {**body, "top_n": top_n + 1} if type(top_n) is int and top_n > 0 else body


MUTANTS_THAT_REFUSE = (
    refuses(
        "refuses a short query", "request.query.minLength", lambda body: len(body["query"]) < 2
    ),
    refuses(
        "refuses one document",
        "request.documents.minItems",
        lambda body: is_array(body["documents"]) and len(body["documents"]) == 1,
    ),
    refuses(
        "refuses arrays",
        "request.documents.array",
        lambda body: is_array(body["documents"]),
    ),
    refuses(
        "refuses a string for documents",
        "request.documents.string",
        lambda body: isinstance(body["documents"], str),
    ),
    edits_each(
        "ranks a string otherwise",
        "request.documents.string",
        _scaled(lambda body: isinstance(body["documents"], str)),
    ),
    refuses("refuses top_n 1", "request.top_n.minimum", _has("top_n", 1)),
    repairs(
        "ignores top_n",
        "request.top_n.count",
        _dropped("top_n", lambda value: type(value) is int and value > 0),
    ),
    repairs("returns one result too many", "request.top_n.count", _one_more),
    repairs("cuts before sorting", "request.top_n.most_relevant", _cut_first),
    refuses(
        "refuses a large top_n",
        "request.top_n.beyond_documents",
        lambda body: body.get("top_n", 0) > len(body["documents"]),
    ),
    edits_each(
        "scores otherwise with documents",
        "request.return_documents.ranking",
        _scaled(lambda body: body.get("return_documents")),
    ),
    refuses(
        "refuses an instruction",
        "request.instruction.supported",
        lambda body: "instruction" in body,
    ),
    refuses(
        "refuses a short instruction",
        "request.instruction.minLength",
        lambda body: len(body.get("instruction", "ab")) < 2,
    ),
    *(
        edits_each(f"obeys {field} always", f"request.{field}.gated", _scaled(_gated(field)))
        for field in _SUPPORTING
    ),
    refuses(
        "refuses max_chunks_per_doc",
        "request.max_chunks_per_doc.supported",
        lambda body: "max_chunks_per_doc" in body,
    ),
    refuses(
        "refuses one chunk", "request.max_chunks_per_doc.minimum", _has("max_chunks_per_doc", 1)
    ),
    edits_each(
        "has another default of chunks",
        "request.max_chunks_per_doc.default",
        _scaled(lambda body: body.get("max_chunks_per_doc") == 1024),
    ),
    refuses(
        "refuses any overlap",
        "request.overlap_tokens.supported",
        lambda body: "overlap_tokens" in body,
    ),
    refuses("refuses no overlap", "request.overlap_tokens.minimum", _has("overlap_tokens", 0)),
    refuses("refuses overlap 80", "request.overlap_tokens.maximum", _has("overlap_tokens", 80)),
    refuses(
        "refuses fields that it does not know",
        "request.body.unknown_field",
        lambda body: (
            "user" in body or "top_k" in body or "instruct" in body or "rerank_contract" in body
        ),
    ),
    repairs(
        "reads top_k for top_n",
        "request.body.unknown_field",
        lambda body: {**body, "top_n": body["top_k"]},
    ),
    refuses("refuses null for absent", "request.body.null", lambda body: None in body.values()),
    Mutant("has a cache by query", "response.results.own", _cached),
    Mutant("mixes up two callers", "response.results.own", _mixed_up),
    repairs(
        "ignores the query",
        "response.results.query",
        lambda body: {**body, "query": len(body["query"][:1]) * "a"},
    ),
    edits_each(
        "overlaps short documents",
        "request.max_chunks_per_doc.short_documents",
        _scaled(lambda body: body.get("overlap_tokens")),
    ),
    edits_results("prefers what comes first", "response.results.index.permutation", _by_position),
    refuses(
        "refuses text in the multimodal form",
        "request.multimodal.text",
        lambda body: (
            "VL" in body["model"]
            and isinstance(body["query"], str)
            and isinstance(body["documents"][0], str)
        ),
    ),
    refuses(
        "refuses images",
        "request.multimodal.image",
        lambda body: any(is_object(text) and "image" in text for text in body["documents"]),
    ),
)
