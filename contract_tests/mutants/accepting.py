"""Mutants that accept what must be refused."""

import json
from collections.abc import Callable
from dataclasses import replace

from ..contract import AnyJson
from ..exchanges import Answer, Credential, Request, is_object, member
from .operators import Body, Mutant, Sender, does, repairs, without

BGE = "BAAI/bge-reranker-v2-m3"
_INTEGERS = ("top_n", "max_chunks_per_doc", "overlap_tokens")
_REQUIRED = {"model": BGE, "query": "a", "documents": "a"}


def _dropped(field: str, wrong: Callable[[AnyJson], bool]) -> Callable[[Body], Body]:
    """Ignore a wrong value of the field."""
    return lambda body: without(body, field) if wrong(body[field]) else body


def _converted(
    field: str, kind: type, convert: Callable[[AnyJson], AnyJson]
) -> Callable[[Body], Body]:
    """Convert values of that type, as a lax parser does."""

    def repair(body: Body) -> Body:
        value = body[field]
        return {**body, field: convert(value)} if type(value) is kind else body

    return repair


def _each_document(convert: Callable[[AnyJson], AnyJson]) -> Callable[[Body], Body]:
    return lambda body: {**body, "documents": [convert(text) for text in list(body["documents"])]}


def _path(path: str) -> Callable[[Sender, Request], Answer]:
    """Serve that path, too."""

    def answer(send: Sender, request: Request) -> Answer:
        asked = replace(request, path="/rerank") if request.path.startswith(path) else request
        return send(asked)

    return answer


def _credential(credential: Credential) -> Callable[[Sender, Request], Answer]:
    """Let that credential pass for the key."""

    def answer(send: Sender, request: Request) -> Answer:
        known = request.credential is credential
        return send(replace(request, credential=Credential.KEY) if known else request)

    return answer


def _known_before_the_key() -> Callable[[Sender, Request], Answer]:
    """Answer without a key what was answered before with one."""
    known: set[str] = set()

    def answer(send: Sender, request: Request) -> Answer:
        asked = repr(request.body)
        if request.credential is Credential.INVALID and asked in known:
            return send(replace(request, credential=Credential.KEY))
        original = send(request)
        if original.status == 200:
            known.add(asked)
        return original

    return answer


def _guessed(wrong: Callable[[AnyJson], bool]) -> Callable[[Sender, Request], Answer]:
    """Take a wrong body for a plain request."""
    plain = {"model": BGE, "query": "a", "documents": ["a", "b"]}
    return lambda send, request: send(
        replace(request, body=plain) if wrong(request.body) else request
    )


def _any_model(send: Sender, request: Request) -> Answer:
    """Rank with another model what is refused with the one that was named."""
    answer = send(request)
    if answer.status < 400 or not isinstance(member(request.body, "model"), str):
        return answer
    other = send(replace(request, body={**request.body, "model": BGE}))
    return other if other.status == 200 else answer


def _nothing_to_rank(send: Sender, request: Request) -> Answer:
    """Answer an empty array with no results."""
    if member(request.body, "documents") != []:
        return send(request)
    answer = send(replace(request, body={**request.body, "documents": ["a"]}))
    if answer.status != 200:
        return answer
    return replace(answer, body=json.dumps({**answer.json, "results": []}).encode())


def _given(field: str, value: AnyJson) -> Callable[[Body], Body]:
    """Take that value where the field is missing."""
    return lambda body: {field: value, **body}


def _number(value: AnyJson) -> int:
    return int(float(value))


MUTANTS_THAT_ACCEPT = (
    does("serves every path", "endpoint.unknown_path", _path("/")),
    does("needs no key", "authorization.required", _credential(Credential.NONE)),
    does("accepts every key", "authorization.invalid_key", _credential(Credential.INVALID)),
    Mutant("has a cache before the keys", "authorization.invalid_key", _known_before_the_key),
    does(
        "guesses what is no JSON",
        "request.body.json",
        _guessed(lambda body: isinstance(body, bytes) and body != b"null"),
    ),
    does(
        "guesses what is no object",
        "request.body.type",
        _guessed(lambda body: body == b"null" or not isinstance(body, dict | bytes)),
    ),
    *(
        repairs(
            f"needs no {field}",
            f"request.{field}.required",
            _given(field, value),
        )
        for field, value in _REQUIRED.items()
    ),
    does("accepts every model", "request.model.unknown", _any_model),
    repairs(
        "takes any model for its name",
        "request.model.type",
        _converted("model", int, lambda _: BGE),
    ),
    repairs("takes a number for a query", "request.query.type", _converted("query", int, str)),
    repairs(
        "accepts an empty query",
        "request.query.minLength",
        lambda body: {**body, "query": body["query"] or "a"},
    ),
    repairs(
        "takes a number for documents", "request.documents.type", _converted("documents", int, str)
    ),
    does("ranks nothing", "request.documents.minItems", _nothing_to_rank),
    repairs(
        "takes numbers for documents",
        "request.documents.items.type",
        _each_document(lambda text: str(text) if isinstance(text, int) else text),
    ),
    repairs(
        "takes objects for documents",
        "request.documents.items.type",
        _each_document(lambda text: str(text["text"]) if is_object(text) else text),
    ),
    *(
        repairs(
            f"reads {field} from a string", f"request.{field}.type", _converted(field, str, _number)
        )
        for field in _INTEGERS
    ),
    *(
        repairs(f"reads {field} from true", f"request.{field}.type", _converted(field, bool, int))
        for field in _INTEGERS
    ),
    *(
        repairs(
            f"rounds {field}",
            f"request.{field}.type",
            _converted(field, float, lambda value: int(value) or 1),
        )
        for field in _INTEGERS
    ),
    repairs(
        "accepts top_n 0", "request.top_n.minimum", _dropped("top_n", lambda value: value == 0)
    ),
    repairs(
        "accepts a negative top_n",
        "request.top_n.minimum",
        _dropped("top_n", lambda value: value < 0),
    ),
    repairs(
        "reads return_documents from a string",
        "request.return_documents.type",
        _converted("return_documents", str, lambda value: value == "true"),
    ),
    repairs(
        "reads return_documents from a number",
        "request.return_documents.type",
        _converted("return_documents", int, bool),
    ),
    repairs(
        "takes a number for an instruction",
        "request.instruction.type",
        _converted("instruction", int, str),
    ),
    repairs(
        "accepts an empty instruction",
        "request.instruction.minLength",
        _dropped("instruction", lambda value: value == ""),
    ),
    repairs(
        "accepts no chunks",
        "request.max_chunks_per_doc.minimum",
        _dropped("max_chunks_per_doc", lambda value: value == 0),
    ),
    repairs(
        "accepts overlap 81",
        "request.overlap_tokens.maximum",
        _dropped("overlap_tokens", lambda value: value == 81),
    ),
    repairs(
        "accepts overlap -1",
        "request.overlap_tokens.minimum",
        _dropped("overlap_tokens", lambda value: value == -1),
    ),
    repairs(
        "accepts parts of a chat",
        "request.multimodal.content",
        _each_document(lambda part: part if member(part, "content") is None else "a"),
    ),
)
