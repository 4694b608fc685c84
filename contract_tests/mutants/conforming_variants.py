"""Conforming variants prove that the judge is fair: wrappers that change a target legally.

Some count what they have seen, so each run makes its own. The option that names them is --freedom.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

from ..contract import AnyJson, Contract
from ..exchanges import Answer, Credential, Request, is_array, is_object
from .operators import Answerer, Body, Sender, editing, refusing, without


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
    """Let every `count`-th request find the target busy."""
    number = itertools.count(1)

    def answer(send: Sender, request: Request) -> Answer:
        original = send(request)
        if next(number) % count:
            return original
        body = b'{"message": "Please try again later.", "data": null}'
        return replace(original, status=status, headers={**original.headers, **headers}, body=body)

    return answer


def _noise() -> Answerer:
    """Move the last digits of scores from call to call, and sort by the result."""
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


def _refusing_unknown(contract: Contract) -> Answerer:
    known = {
        field
        for name, schema in contract.schemas.items()
        if name.startswith("request.")
        for field in schema["properties"]
    }
    return refusing(lambda body: not body.keys() <= known)


def _refusing_gated(contract: Contract) -> Answerer:
    def lacks(body: Body) -> bool:
        supports = contract.model_named(str(body.get("model"))).supports
        return supports is not None and any(
            field in body and field not in supports for field in contract.gated_fields
        )

    return refusing(lacks)


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
CONFORMING_VARIANTS: dict[str, Callable[[Contract], Answerer]] = {
    "document absent": lambda _: _each(
        lambda result: {**result} if result.get("document") else without(result, "document")
    ),
    "document null": lambda _: _each(lambda result: {"document": None, **result}),
    "document without text when not wanted": lambda _: _each(
        lambda result: result if result.get("document") else {**result, "document": {}}
    ),
    "no meta": lambda _: editing(lambda body, _: without(body, "meta")),
    "meta without counts": lambda _: editing(lambda body, _: {**body, "meta": {}}),
    "meta with more counts": lambda _: editing(
        lambda body, _: {**body, "meta": {**body["meta"], "api_version": {"version": "2"}}}
    ),
    "more members": lambda _: editing(lambda body, _: {**body, "object": "list", "usage": {}}),
    "more members in results": lambda _: _each(lambda result: {**result, "rank": 1}),
    "more members in documents": lambda _: _each(
        lambda result: (
            {**result, "document": {**result["document"], "title": None}}
            if result.get("document")
            else result
        )
    ),
    "scores are logits": lambda _: _score(lambda score: score * 20 - 10),
    "scores are negative": lambda _: _score(lambda score: score - 1),
    "scores are coarse": lambda _: _score(lambda score: round(score, 1)),
    "scores are integers": lambda _: _score(lambda score: round(score * 10)),
    "scores are all the same": lambda _: _score(lambda _: 0.5),
    "scores are noisy": lambda _: _noise(),
    "ids of another form": lambda _: _ids(),
    "pretty JSON": lambda _: _reprinted(indent=2),
    "escaped JSON": lambda _: _reprinted(ensure_ascii=True),
    "unescaped JSON": lambda _: _reprinted(ensure_ascii=False),
    "content type with charset": lambda _: _header(
        "content-type", "application/json; charset=utf-8"
    ),
    "more headers": lambda _: _header("x-request-id", "1"),
    "refuses with 422": lambda _: _refusal(422, {"message": "no"}),
    "refuses with a string": lambda _: _refusal(400, "bad request"),
    "refuses without a code": lambda _: _refusal(400, {"message": "no", "data": None}),
    "refuses as text": lambda _: _changing(_text_refusal),
    "refuses an unknown model with 404": lambda _: _refusal(404, {"message": "no such model"}),
    "401 as an object": lambda _: _refusal(
        401, {"code": 30014, "message": "no", "data": None}, of=401
    ),
    "403 in place of 401": lambda _: _refusal(403, "Forbidden", of=401),
    "refusals without a trace id": lambda _: _changing(_without_untraced),
    "accepts a key without Bearer": lambda _: _without_bearer,
    "refuses unknown fields": _refusing_unknown,
    "refuses null": lambda _: refusing(lambda body: None in body.values()),
    "refuses 1.0": lambda _: refusing(lambda body: type(body.get("top_n")) is float),
    "refuses gated fields": _refusing_gated,
    "refuses top_n beyond the documents": lambda _: refusing(_top_n_beyond),
    "refuses empty documents": lambda _: refusing(lambda body: "" in _documents(body)),
    "refuses content objects": lambda _: refusing(
        lambda body: is_object(body["query"]) or any(map(is_object, _documents(body)))
    ),
    "limits its rate": lambda _: _every(5, 429, {"retry-after": "0"}),
    "is overloaded at times": lambda _: _every(7, 503, {"retry-after": "0"}),
    "fails once in a while": lambda _: _every(11, 500, {}),
}
