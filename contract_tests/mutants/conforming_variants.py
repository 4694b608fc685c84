"""Freedoms prove that the judge is fair: wrappers that change a target within the contract.

Some count what they have seen, so each run makes its own.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

from ..contract import GATED_FIELDS, MODELS, AnyJson
from ..exchanges import Answer, Credential, Request, is_array, is_object
from .operators import Answerer, Body, Sender, editing, refusing, without

_KNOWN = {"model", "query", "documents", "top_n", "return_documents", *GATED_FIELDS}


def _changing(edit: Callable[[Answer], Answer]) -> Answerer:
    return lambda send, request: edit(send(request))


def _each(edit: Callable[[Body], Body]) -> Answerer:
    return editing(
        lambda body, _: {**body, "results": [edit(result) for result in body["results"]]}
    )


def _score(change: Callable[[float], AnyJson]) -> Answerer:
    return _each(lambda result: {**result, "relevance_score": change(result["relevance_score"])})


def _refusal(status: int, body: AnyJson, *, of: int = 400) -> Answerer:
    def edit(answer: Answer) -> Answer:
        if answer.status != of:
            return answer
        return replace(answer, status=status, body=json.dumps(body).encode())

    return _changing(edit)


def _text_refusal(answer: Answer) -> Answer:
    headers = {**answer.headers, "content-type": "text/plain"}
    return replace(answer, headers=headers, body=b"bad") if answer.status >= 400 else answer


def _every(count: int, status: int, headers: dict[str, str]) -> Answerer:
    """Let every ``count``-th request find the target busy."""
    number = itertools.count(1)

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if next(number) % count:
            return original
        body = b'{"message": "Please try again later.", "data": null}'
        return replace(original, status=status, headers={**original.headers, **headers}, body=body)

    return answer


def _noise() -> Answerer:
    """Move the last digits of scores from call to call, and sort by the scores that are told."""
    number = itertools.count(1)

    def edit(body: Body, _: Body) -> Body:
        results = [
            {**result, "relevance_score": result["relevance_score"] + 1e-4 * (next(number) % 7)}
            for result in body["results"]
        ]
        results.sort(key=lambda result: -float(result["relevance_score"]))
        return {**body, "results": results}

    return editing(edit)


def _ids() -> Answerer:
    number = itertools.count(1)
    return editing(lambda body, _: {**body, "id": f"rerank-{next(number)}"})


def _reprinted(**how: AnyJson) -> Answerer:
    def edit(answer: Answer) -> Answer:
        body = json.dumps(answer.json, **how).encode()
        return replace(answer, body=body) if answer.is_json else answer

    return _changing(edit)


def _header(name: str, value: str) -> Answerer:
    return _changing(lambda answer: replace(answer, headers={**answer.headers, name: value}))


def _lacks_gated(body: Body) -> bool:
    model = MODELS.get(str(body.get("model")))
    supports = model.supports if model else None
    return supports is not None and any(
        field in body and field not in supports for field in GATED_FIELDS
    )


def _without_untraced(answer: Answer) -> Answer:
    headers = {
        name: value
        for name, value in answer.headers.items()
        if answer.status == 200 or name != "x-siliconcloud-trace-id"
    }
    return replace(answer, headers=headers)


def _without_bearer(send: Sender, request: Request) -> Answer:
    bare = request.credential is Credential.KEY_WITHOUT_SCHEME
    return send(replace(request, credential=Credential.KEY) if bare else request)


def _documents(body: Body) -> list[AnyJson]:
    documents: AnyJson = body["documents"]
    return documents if is_array(documents) else [documents]


def _top_n_beyond(body: Body) -> bool:
    return type(body.get("top_n")) is int and body["top_n"] > len(_documents(body))


#: Name -> what makes the wrapper.
CONFORMING_VARIANTS: dict[str, Callable[[], Answerer]] = {
    "document absent": lambda: _each(
        lambda result: {**result} if result.get("document") else without(result, "document")
    ),
    "document null": lambda: _each(lambda result: {"document": None, **result}),
    "document without text when not wanted": lambda: _each(
        lambda result: result if result.get("document") else {**result, "document": {}}
    ),
    "no meta": lambda: editing(lambda body, _: without(body, "meta")),
    "meta without counts": lambda: editing(lambda body, _: {**body, "meta": {}}),
    "meta with more counts": lambda: editing(
        lambda body, _: {**body, "meta": {**body["meta"], "api_version": {"version": "2"}}}
    ),
    "more members": lambda: editing(lambda body, _: {**body, "object": "list", "usage": {}}),
    "more members in results": lambda: _each(lambda result: {**result, "rank": 1}),
    "more members in documents": lambda: _each(
        lambda result: (
            {**result, "document": {**result["document"], "title": None}}
            if result.get("document")
            else result
        )
    ),
    "scores are logits": lambda: _score(lambda score: score * 20 - 10),
    "scores are negative": lambda: _score(lambda score: score - 1),
    "scores are coarse": lambda: _score(lambda score: round(score, 1)),
    "scores are integers": lambda: _score(lambda score: round(score * 10)),
    "scores are all the same": lambda: _score(lambda _: 0.5),
    "scores are noisy": _noise,
    "ids of another form": _ids,
    "pretty JSON": lambda: _reprinted(indent=2),
    "escaped JSON": lambda: _reprinted(ensure_ascii=True),
    "unescaped JSON": lambda: _reprinted(ensure_ascii=False),
    "content type with charset": lambda: _header("content-type", "application/json; charset=utf-8"),
    "more headers": lambda: _header("x-request-id", "1"),
    "refuses with 422": lambda: _refusal(422, {"message": "no"}),
    "refuses with a string": lambda: _refusal(400, "bad request"),
    "refuses without a code": lambda: _refusal(400, {"message": "no", "data": None}),
    "refuses as text": lambda: _changing(_text_refusal),
    "refuses an unknown model with 404": lambda: _refusal(404, {"message": "no such model"}),
    "401 as an object": lambda: _refusal(
        401, {"code": 30014, "message": "no", "data": None}, of=401
    ),
    "403 in place of 401": lambda: _refusal(403, "Forbidden", of=401),
    "refusals without a trace id": lambda: _changing(_without_untraced),
    "accepts a key without Bearer": lambda: _without_bearer,
    "refuses unknown fields": lambda: refusing(lambda body: not body.keys() <= _KNOWN),
    "refuses null": lambda: refusing(lambda body: None in body.values()),
    "refuses 1.0": lambda: refusing(lambda body: type(body.get("top_n")) is float),
    "refuses gated fields": lambda: refusing(_lacks_gated),
    "refuses top_n beyond the documents": lambda: refusing(_top_n_beyond),
    "refuses empty documents": lambda: refusing(lambda body: "" in _documents(body)),
    "refuses content objects": lambda: refusing(
        lambda body: is_object(body["query"]) or any(map(is_object, _documents(body)))
    ),
    "limits its rate": lambda: _every(5, 429, {"retry-after": "0"}),
    "is overloaded at times": lambda: _every(7, 503, {"retry-after": "0"}),
    "fails once in a while": lambda: _every(11, 500, {}),
}
