"""Conforming variants prove that the judge is fair: wrappers that change a target legally.

Some count what they have seen, so each run makes its own. The option that names them is --freedom.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..contract import AnyJson, Contract
from ..exchanges import Answer, Credential, Request, is_array, is_object, member
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
            {
                **result,
                "relevance_score": result["relevance_score"] * (1 + 1e-4 * (next(number) % 7)),
            }
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


def _texts(body: Body) -> list[str]:
    return [text for text in (body.get("query"), *_documents(body)) if isinstance(text, str)]


def _relative(body: Body, _: Body) -> Body:
    best = max((abs(result["relevance_score"]) for result in body["results"]), default=0) or 1
    results = [
        {**result, "relevance_score": result["relevance_score"] / best}
        for result in body["results"]
    ]
    return {**body, "results": results}


def _refusing_model(status: int) -> Answerer:
    def edit(answer: Answer) -> Answer:
        unknown = answer.status == 400 and member(answer.json, "code") == 20012
        return replace(answer, status=status) if unknown else answer

    return _changing(edit)


def _instead(
    of: Callable[[Request], bool], status: int, body: bytes, content_type: str
) -> Answerer:
    """Refuse some requests by that status and body, as a framework or a gateway does."""
    headers = {"content-type": content_type}
    return lambda send, request: Answer(status, headers, body) if of(request) else send(request)


_wrong_method = partial(
    _instead, lambda request: request.path == "/rerank" and request.method != "POST"
)
_wrong_path = partial(
    _instead, lambda request: request.path not in ("/rerank", "/rerank/", "/models", "/user/info")
)


def _trailing_slash(send: Sender, request: Request) -> Answer:
    slash = request.path == "/rerank/"
    return send(replace(request, path="/rerank") if slash else request)


def _refusing_count(most: int, status: int, _: Contract) -> Answerer:
    return refusing(lambda body: len(_documents(body)) > most, status)


def _refusing_length(most: int, status: int, _: Contract) -> Answerer:
    return refusing(lambda body: any(len(text) > most for text in _texts(body)), status)


def _refusing_untyped(send: Sender, request: Request) -> Answer:
    if request.content_type is not None or request.method != "POST":
        return send(request)
    return Answer(415, {"content-type": "application/json"}, b'{"message": "no content type"}')


def _top_n_beyond(body: Body) -> bool:
    return type(body.get("top_n")) is int and body["top_n"] > len(_documents(body))


#: Name -> what makes the wrapper.
CONFORMING_VARIANTS: dict[str, Callable[[Contract], Answerer]] = {
    "document absent": lambda _: _each(
        lambda result: {**result} if result.get("document") else without(result, "document")
    ),
    "document with null for text when not wanted": lambda _: _each(
        lambda result: result if result.get("document") else {**result, "document": {"text": None}}
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
    "members in another order": lambda _: editing(lambda body, _: dict(reversed(body.items()))),
    "members of results in another order": lambda _: _each(
        lambda result: dict(reversed(result.items()))
    ),
    "indices are written 1.0": lambda _: _each(
        lambda result: {**result, "index": float(result["index"])}
    ),
    "scores are logits": lambda _: _score(lambda score: score * 20 - 10),
    "scores are negative": lambda _: _score(lambda score: score - 1),
    "scores are coarse": lambda _: _score(lambda score: round(score, 1)),
    "scores are integers": lambda _: _score(lambda score: round(score * 10)),
    "scores are all the same": lambda _: _score(lambda _: 0.5),
    "scores are large": lambda _: _score(lambda score: score * 1e6),
    "scores are tiny": lambda _: _score(lambda score: score * 1e-9),
    "scores are relative to the best": lambda _: editing(_relative),
    "scores are noisy": lambda _: _noise(),
    "ids of another form": lambda _: _ids(),
    "pretty JSON": lambda _: _reprinted(indent=2),
    "escaped JSON": lambda _: _reprinted(ensure_ascii=True),
    "unescaped JSON": lambda _: _reprinted(ensure_ascii=False),
    "content type with charset": lambda _: _header(
        "content-type", "application/json; charset=utf-8"
    ),
    "content type of JSON in capitals": lambda _: _header("content-type", "Application/JSON"),
    "more headers": lambda _: _header("x-request-id", "1"),
    "refuses with 422": lambda _: _refusal(422, {"message": "no"}),
    "refuses with a string": lambda _: _refusal(400, "bad request"),
    "refuses without a code": lambda _: _refusal(400, {"message": "no", "data": None}),
    "refuses as text": lambda _: _changing(_text_refusal),
    "refuses an unknown model with 404": lambda _: _refusal(404, {"message": "no such model"}),
    "refuses an unknown model with 403": lambda _: _refusing_model(403),
    "refuses with a long message": lambda _: _refusal(400, {"message": "no " * 2000}),
    "refuses with more members": lambda _: _refusal(
        400, {"code": 40000, "message": "no", "data": {"param": "query"}, "type": None}
    ),
    "refuses with a Chinese message": lambda _: _refusal(
        400, {"code": 20015, "message": "\u53c2\u6570\u65e0\u6548", "data": None}
    ),
    "refuses a wrong method without a body": lambda _: _wrong_method(405, b"", "text/plain"),
    "refuses a wrong method with detail": lambda _: _wrong_method(
        405, b'{"detail":"Method Not Allowed"}', "application/json"
    ),
    "refuses a wrong method with a page": lambda _: _wrong_method(
        405, b"<html><body>405 Method Not Allowed</body></html>", "text/html"
    ),
    "refuses a wrong method with 404": lambda _: _wrong_method(
        404, b"404 page not found", "text/plain"
    ),
    "refuses a wrong path with a page": lambda _: _wrong_path(
        404, b"<html><body>404 Not Found</body></html>", "text/html"
    ),
    "refuses a wrong path without a body": lambda _: _wrong_path(404, b"", "text/plain"),
    "refuses a wrong path with detail": lambda _: _wrong_path(
        404, b'{"detail":"Not Found"}', "application/json"
    ),
    "serves the trailing slash": lambda _: _trailing_slash,
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
    "refuses white space": lambda _: refusing(
        lambda body: any(not text.strip() for text in _texts(body))
    ),
    "refuses NUL": lambda _: refusing(lambda body: any("\0" in text for text in _texts(body))),
    **{
        f"refuses more than {most} documents with {status}": partial(_refusing_count, most, status)
        for most, status in ((16, 400), (25, 413), (64, 422))
    },
    **{
        f"refuses texts of more than {most} characters with {status}": partial(
            _refusing_length, most, status
        )
        for most, status in ((2000, 400), (8000, 413), (32_000, 422))
    },
    "refuses bodies of more than 64 KB": lambda _: refusing(
        lambda body: len(json.dumps(body)) > 65_536, 413
    ),
    "refuses a body without a content type": lambda _: _refusing_untyped,
    "limits its rate": lambda _: _every(5, 429, {"retry-after": "0"}),
    "is overloaded at times": lambda _: _every(7, 503, {"retry-after": "0"}),
    "fails once in a while": lambda _: _every(11, 500, {}),
}
