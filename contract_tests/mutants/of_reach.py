"""Mutants that small, plain requests do not meet: size, length, layout, neighbours of a key."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

from ..contract import AnyJson
from ..exchanges import Answer, Credential, Request, is_array, is_object, member
from .operators import (
    Answerer,
    Body,
    Mutant,
    Sender,
    answers,
    does,
    editing,
    edits,
    edits_each,
    edits_results,
    refuses,
    repairs,
    without,
)

FIELD = "max_chunks_per_doc"


def _takes(*near: Credential) -> Callable[[Sender, Request], Answer]:
    """Take neighbours of the key for the key."""

    def answer(send: Sender, request: Request) -> Answer:
        taken = request.credential in near
        return send(replace(request, credential=Credential.KEY) if taken else request)

    return answer


def _counted(count: Callable[[int, Body], int]) -> Callable[[Body, Body], Body]:
    """Count the input tokens otherwise."""

    def edit(body: Body, sent: Body) -> Body:
        tokens = member(body, "meta", "tokens", "input_tokens")
        counts = {"input_tokens": count(tokens, sent)}
        meta = {name: {**body["meta"][name], **counts} for name in ("tokens", "billed_units")}
        return {**body, "meta": meta}

    return edit


def _counting() -> Answerer:
    """Count one token more with each call."""
    calls = itertools.count()
    return editing(_counted(lambda tokens, _: tokens + next(calls)))


def _at_most_two_chunks(body: Body) -> Body:
    return body if body.get(FIELD) == 1 or FIELD not in _known(body) else {**body, FIELD: 2}


def _known(body: Body) -> tuple[str, ...]:
    """The fields that a target is sure to know: those of BGE for BGE."""
    return (FIELD,) if "bge" in str(body.get("model")) else ()


def _worse_with_length(results: list[Body], sent: Body) -> list[Body]:
    documents = sent["documents"]
    if not is_array(documents):
        return results
    edited = [
        {**result, "relevance_score": _lowered(result, documents[result["index"]])}
        for result in results
    ]
    return sorted(edited, key=lambda result: -float(result["relevance_score"]))


def _lowered(result: Body, document: AnyJson) -> float:
    score: float = result["relevance_score"]
    return score * 0.9 ** (len(document) / 20_000 if isinstance(document, str) else 0)


def _first_twenty(results: list[Body], sent: Body) -> list[Body]:
    return [result for result in results if result["index"] < 20] if "top_n" in sent else results


def _without_last_of_full_batches(results: list[Body], sent: Body) -> list[Body]:
    documents = sent["documents"]
    last = len(documents) - 1 if is_array(documents) and len(documents) % 32 == 0 else None
    return [result for result in results if result["index"] != last]


def _index_among_texts(result: Body, sent: Body) -> Body:
    before = sent["documents"][: result["index"]] if is_array(sent["documents"]) else []
    return {**result, "index": result["index"] - before.count("")}


def _number_of_text(result: Body, _: Body) -> Body:
    text = member(result, "document", "text")
    is_number = isinstance(text, str) and text.isdecimal()
    return {**result, "document": {"text": int(text)}} if is_number else result


def _reads_lax_json(send: Sender, request: Request) -> Answer:
    """Read an object out of what is nearly JSON."""
    if isinstance(request.body, bytes) and b"{" in request.body:
        text = request.body[request.body.index(b"{") :].decode("utf-8", "replace")
        for whole in (text, text + "}", text.replace(",}", "}")):
            try:
                body, _ = json.JSONDecoder().raw_decode(whole)
            except ValueError:
                continue
            return send(replace(request, body=body))
    return send(request)


def _first_line(body: Body) -> Body:
    query = body.get("query")
    lines = query.splitlines() if isinstance(query, str) else []
    return {**body, "query": lines[0]} if lines and lines[0] else body


def _array_of_string(body: Body) -> Body:
    documents = body.get("documents")
    if isinstance(documents, str) and documents.startswith('["'):
        return {**body, "documents": json.loads(documents)}
    return body


def _one_chunk_with_overlap(body: Body) -> Body:
    return {**body, FIELD: 1} if body.get("overlap_tokens") == 80 and _known(body) else body


def _query_of_object(body: Body) -> Body:
    has_text = is_object(body.get("query")) and "text" in body["query"]
    return {**body, "query": "a lighthouse"} if has_text else body


def _first_tokens(tokens: int, sent: Body) -> int:
    documents = sent["documents"]
    return tokens // len(documents) if is_array(documents) else tokens


def _index_in_batch(result: Body, _: Body) -> Body:
    return {**result, "index": result["index"] % 32}


def _ignores_escapes(answer: Answer, request: Request) -> Answer:
    """Rank nothing of a request in which a text is written with escapes."""
    if not request.layout.escaped:
        return answer
    body = {**answer.json, "results": answer.json["results"][:1]}
    return replace(answer, body=json.dumps(body).encode())


def _dialect(send: Sender, request: Request) -> Answer:
    """Take a content type with a charset for another one."""
    if request.content_type == "application/json; charset=utf-8":
        return send(replace(request, content_type="text/plain", body=b""))
    return send(request)


def _upgrades(send: Sender, request: Request) -> Answer:
    """Accept an offer to upgrade, and never answer in the new protocol."""
    answer = send(request)
    return replace(answer, status=101, body=b"") if _OFFER in request.headers else answer


def _owner_added(body: Body) -> Body:
    owned = "/" not in str(body.get("model"))
    return {**body, "model": f"BAAI/{body['model']}"} if owned and "model" in body else body


_OFFER = ("upgrade", "h2c")
MUTANTS_OF_REACH = (
    does(
        "takes the key without its last character",
        "authorization.near_key",
        _takes(Credential.KEY_CUT),
    ),
    does(
        "takes the key in any case",
        "authorization.near_key",
        _takes(Credential.KEY_IN_OTHER_CASE),
    ),
    does("takes an empty key", "authorization.near_key", _takes(Credential.EMPTY)),
    answers(
        "misreads escapes",
        "request.body.equivalent",
        _ignores_escapes,
        when=lambda answer: answer.status == 200,
    ),
    does("takes an offer to upgrade", "endpoint.headers", _upgrades),
    does("takes a charset for another type", "request.body.charset", _dialect),
    repairs("knows models without their owner", "request.model.exact", _owner_added),
    edits_results("ranks the first twenty documents", "request.top_n.count", _first_twenty),
    edits_each("numbers each batch anew", "response.results.index.unique", _index_in_batch),
    edits_results(
        "loses the last document of full batches",
        "request.top_n.count",
        _without_last_of_full_batches,
    ),
    edits_each(
        "numbers documents without the empty ones",
        "request.return_documents.true",
        _index_among_texts,
    ),
    edits_each("returns digits as a number", "request.return_documents.true", _number_of_text),
    does("reads what is nearly JSON", "request.body.json", _reads_lax_json),
    repairs("reads one line of a query", "response.results.query", _first_line),
    repairs(
        "reads a string as the array that it spells",
        "request.return_documents.true",
        _array_of_string,
    ),
    repairs(
        "reads one chunk where chunks overlap",
        "request.max_chunks_per_doc.best_chunk",
        _one_chunk_with_overlap,
    ),
    repairs(
        "ranks by a query of its own for an object",
        "request.multimodal.image",
        _query_of_object,
    ),
    edits("counts the tokens of one document", "response.meta.input", _counted(_first_tokens)),
    repairs(
        "ignores the instruction",
        "request.instruction.effect",
        lambda body: without(body, "instruction") if type(body.get("instruction")) is str else body,
    ),
    repairs(
        "reads two chunks at most",
        "request.max_chunks_per_doc.best_chunk",
        _at_most_two_chunks,
    ),
    edits_results(
        "lowers the score with length", "request.max_chunks_per_doc.filler", _worse_with_length
    ),
    refuses(
        "refuses video",
        "request.multimodal.video",
        lambda body: any(is_object(one) and "video" in one for one in body["documents"]),
    ),
    edits_each(
        "writes indices with a fraction",
        "response.results.index.literal",
        lambda result, _: {**result, "index": float(result["index"])},
    ),
    repairs(
        "ranks by a query of its own",
        "response.results.relevance",
        lambda body: {**body, "query": "Apple"} if body.get("query") else body,
    ),
    Mutant("counts its calls too", "response.meta.repeatable", _counting),
    edits(
        "counts what it returns",
        "response.meta.input",
        _counted(lambda tokens, sent: tokens * sent.get("top_n", 100)),
    ),
)
