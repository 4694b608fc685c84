"""The requests of the vectors: those of the judge, one of each kind, and what must come of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import hypothesis
from hypothesis import strategies as st

from contract_tests.contract import Contract, Model, Switch
from contract_tests.examples import (
    IMAGE,
    NEARLY_JSON,
    NO_SUCH_MODELS,
    NOT_JSON,
    UNKNOWN_FIELDS,
    VIDEO,
)
from contract_tests.exchanges import Answer, Credential, Exchange, Request, is_array, parse_json
from contract_tests.judging.probes import probe_request, probed
from contract_tests.strategies import Bound, Fault, Strategies

Json: TypeAlias = Any

#: Credential -> the header Authorization.
AUTHORIZATIONS = {
    Credential.KEY: "Bearer {key}",
    Credential.KEY_WITHOUT_SCHEME: "{key}",
    Credential.INVALID: "Bearer sk-rerank-contract-invalid-key",
    Credential.KEY_CUT: "Bearer {key_cut}",
    Credential.KEY_EXTENDED: "Bearer {key}x",
    Credential.KEY_IN_OTHER_CASE: "Bearer {key_in_other_case}",
    Credential.EMPTY: "Bearer",
}
#: Texts that a server must return as they are: white space, Unicode forms, escapes, capitals.
DELICATE = (
    " \tspaces around \n",
    "lines\r\nof\n\nWindows and\ttabs",
    "e\u0301 \u00e9 \ufb01 \uff21 \u6df1\u5ea6 \U0001f469\u200d\U0001f4bb",
    "<b>&amp;</b> \"quoted\" 'text' \\n",
    "MiXeD CaSe",
    "007",
    "null",
    "x" * 1100,
)


@dataclass(frozen=True)
class Expectation:
    """What an answer must look like, for the request to keep a requirement."""

    requirement: str
    #: JSON Schema of the answer.
    answer: Json
    #: Whether it speaks of well-formed rankings alone.
    of_ranking: bool = False


@dataclass
class Case:
    """One request, what must come of it, and answers to it."""

    description: str
    #: The requirement that is broken where the outcome is another.
    requirement: str
    #: `accepted`, `refused` or `open`.
    outcome: str
    request: Request
    #: Requirement -> JSON Schema of an answer that keeps it, beside those of the outcome.
    more: dict[str, Json] = field(default_factory=dict[str, Json])
    #: The requirement in whose group it stands, where that is another one.
    about: str = ""
    #: Value of a switch -> JSON Schema of an answer that shows it.
    shows: dict[str, Json] = field(default_factory=dict[str, Json])

    def expected(self, contract: Contract) -> Iterator[Expectation]:
        """What is expected of the answer to this request."""
        if self.outcome == "accepted":
            yield Expectation(self.requirement, _status({"const": 200}))
            for name, results in _of_ranking(self.request):
                yield Expectation(name, _results(results), of_ranking=True)
        elif self.outcome == "refused":
            yield Expectation(self.requirement, _status({"minimum": 400}))
        for name, schema in self.more.items():
            if name in contract.requirements:
                yield Expectation(name, schema)


def cases(contract: Contract) -> Iterator[Case]:
    """All cases of a revision."""
    own = Strategies(contract)
    models = contract.representatives()
    first = models[0]
    for each in (_usual, _rankings, _keys, _bodies, _models):
        yield from each(own, first)
    yield from _fields(own, models)
    for model in models:
        if model.form == "multimodal":
            yield from _multimodal(own, model)
    yield from _switches(own, first)


def _usual(own: Strategies, model: Model) -> Iterator[Case]:
    plain = own.plainest(model)
    yield Case(
        "the request that the page prints",
        "endpoint.rerank",
        "accepted",
        Request(own.printed(model)),
    )
    yield Case("the plainest request", "request.documents.array", "accepted", Request(plain))
    yield Case("every option at once", "endpoint.rerank", "accepted", Request(own.fullest(model)))
    yield Case(
        "a path that does not exist",
        "endpoint.unknown_path",
        "open",
        Request(plain, path="/rerank-contract/unknown"),
        {"endpoint.unknown_path": _status({"const": 404})},
    )
    yield Case(
        "a slash behind the path",
        "endpoint.trailing_slash",
        "open",
        Request(plain, path="/rerank/"),
        {"endpoint.trailing_slash": _status({"const": 307})},
    )


def _rankings(own: Strategies, model: Model) -> Iterator[Case]:
    plain = own.plainest(model)
    count = len(own.corpus)

    def ranked(description: str, requirement: str, about: str = "", **more: Json) -> Case:
        return Case(description, requirement, "accepted", Request({**plain, **more}), about=about)

    if own.keywords(model, "documents")["type"][1] != "array":
        yield ranked("one text", "request.documents.string", documents=own.corpus[0])
        yield ranked(
            "one text that could be read as an array",
            "request.documents.string",
            "request.return_documents.true",
            documents='["apple", "banana"]',
            return_documents=True,
        )
    for top_n in (1, count - 1, count):
        description = f"top_n {top_n} of {count} documents"
        yield ranked(description, "endpoint.rerank", "request.top_n.count", top_n=top_n)
    yield ranked(
        "top_n larger than the number of documents",
        "request.top_n.beyond_documents",
        top_n=count + 1,
    )
    yield ranked(
        "return_documents false",
        "endpoint.rerank",
        "request.return_documents.false",
        return_documents=False,
    )
    yield ranked(
        "delicate texts, to be returned",
        "endpoint.rerank",
        "request.return_documents.true",
        documents=list(DELICATE),
        return_documents=True,
    )


def _keys(own: Strategies, model: Model) -> Iterator[Case]:
    for description, requirement, credential in (
        ("no header Authorization", "authorization.required", Credential.NONE),
        ("an invalid key", "authorization.invalid_key", Credential.INVALID),
        ("the key without its last character", "authorization.near_key", Credential.KEY_CUT),
        ("the key with one more character", "authorization.near_key", Credential.KEY_EXTENDED),
        (
            "the key in the other case",
            "authorization.near_key",
            Credential.KEY_IN_OTHER_CASE,
        ),
        ("the word Bearer alone", "authorization.near_key", Credential.EMPTY),
    ):
        yield Case(
            description,
            requirement,
            "refused",
            Request(own.plainest(model), credential=credential),
            {"error.status.unauthorized": _status({"const": 401})},
        )


def _bodies(own: Strategies, model: Model) -> Iterator[Case]:
    plain = own.plainest(model)
    whole = Request(plain).content or b""
    echoed = Request({**plain, **own.echo(model)}).content or b""
    for body in NOT_JSON:
        text = body.decode()
        description = f"a body that is not JSON: {text}" if text else "no body"
        yield Case(description, "request.body.json", "refused", Request(body))
    for mistake, change in NEARLY_JSON.items():
        yield Case(
            f"nearly JSON: {mistake}", "request.body.json", "refused", Request(change(whole))
        )
    yield Case(
        "the same JSON with escapes and line breaks",
        "request.body.equivalent",
        "accepted",
        Request(b"\r\n" + echoed.replace(b"apple", rb"\u0061pple").replace(b", ", b" ,\n\t")),
    )
    yield Case(
        "a charset in the content type",
        "request.body.charset",
        "accepted",
        Request(plain, content_type="application/json; charset=utf-8"),
    )
    for name, value in UNKNOWN_FIELDS.items():
        yield Case(
            f"a field that the contract does not name: {name}",
            "request.body.unknown_field",
            "accepted",
            Request({**plain, name: value}),
        )
    for name in own.optional(model):
        yield Case(
            f"{name} is null", "request.body.null", "accepted", Request({**plain, name: None})
        )


def _models(own: Strategies, model: Model) -> Iterator[Case]:
    plain = own.plainest(model)
    code = {"type": "object", "required": ["code"], "properties": {"code": {"const": 20012}}}
    answer = {"properties": {"status": {"const": 400}, "body": code}}
    for name in NO_SUCH_MODELS:
        yield Case(
            f"a model that does not exist: {name}",
            "request.model.unknown",
            "refused",
            Request({**plain, "model": name}),
            {"error.model_not_found.code": answer},
        )
    for name in sorted({model.id.rpartition("/")[2], model.id.lower()}):
        yield Case(
            f"nearly the name of a model: {name}",
            "request.model.exact",
            "open",
            Request({**plain, "model": name}),
            {"request.model.exact": answer},
        )


def _fields(own: Strategies, models: tuple[Model, ...]) -> Iterator[Case]:
    """The faults and bounds of all fields, each with the first model that it belongs to."""
    seen: set[tuple[str, str]] = set()
    for model in models:
        for fault in own.faults(model):
            # Without a model that is read there is no other form.
            of_no_form = model.form != "classic" and fault.field in ("", "model")
            if (model.form, str(fault)) not in seen and not of_no_form:
                seen.add((model.form, str(fault)))
                plain = st.just(own.plainest(model))
                yield _faulty(model, fault, first(own.faulty(model, fault, plain)))
                if fault.kind == "minimum":
                    body = {**own.plainest(model), fault.field: -1000}
                    yield _faulty(model, fault, body)
        for bound in own.bounds(model):
            if (model.form, f"at {bound}") not in seen:
                seen.add((model.form, f"at {bound}"))
                yield _at_bound(own, model, bound)
        for name in own.contract.gated_fields:
            value = own.usual(name)
            body = {**own.plainest(model), name: value}
            if name not in (model.supports or ()):
                gate = f"request.{name}.gated"
                shows = _shown(own.contract.switches["gated_fields"])
                lacking = f"{name}, which {model.id} lacks"
                yield Case(lacking, gate, "open", Request(body), shows=shows)
            elif (name, "") not in seen:
                seen.add((name, ""))
                supported = f"request.{name}.supported"
                yield Case(f"{name} {value}", supported, "accepted", Request(body))


def _faulty(model: Model, fault: Fault, body: Json) -> Case:
    place = ".".join(map(str, fault.path)) or "the body"
    if fault.wrong is None:
        description = f"{place} is missing"
    elif fault.kind in ("minimum", "maximum"):
        side = "below" if fault.kind == "minimum" else "above"
        description = f"{place} is {body[fault.field]}, {side} its {fault.kind}"
    elif fault.kind in ("minLength", "minItems"):
        description = f"{place} is empty"
    elif fault.kind in ("anyOf", "enum"):
        description = f"{place} has none of its forms"
    else:
        description = f"{place} has the type {fault.kind}"
    # A body that is null would not be sent at all.
    request = Request(b"null" if body is None else body)
    status = {"error.status.bad_request": _status({"const": 400})}
    description += "" if model.form == "classic" else f", {model.form} form"
    return Case(description, fault.requirement, "refused", request, status)


def _at_bound(own: Strategies, model: Model, bound: Bound) -> Case:
    value = first(bound.right)
    body = {**own.plainest(model), bound.field: value}
    what = "one document" if is_array(value) else repr(value)
    description = f"{bound.field} is {what}, at its {bound.keyword}"
    description += "" if model.form == "classic" else f", {model.form} form"
    return Case(description, bound.requirement, "accepted", Request(body))


def _multimodal(own: Strategies, model: Model) -> Iterator[Case]:
    plain = own.plainest(model)
    texts = [*own.corpus]
    for description, requirement, more in (
        ("plain texts", "request.multimodal.text", {}),
        ("content objects", "request.multimodal.image", {"documents": [{"image": IMAGE}, *texts]}),
        (
            "an image to ask with",
            "request.multimodal.image",
            {"query": {"image": IMAGE}, "documents": [{"text": "a cat", "image": IMAGE}, *texts]},
        ),
        ("a video", "request.multimodal.video", {"documents": [*texts, {"video": VIDEO}]}),
    ):
        body = {**plain, **more}
        yield Case(f"{description}, multimodal form", requirement, "accepted", Request(body))


def _switches(own: Strategies, model: Model) -> Iterator[Case]:
    """The open questions that one request shows."""
    for switch in probed(own.contract):
        asked = [
            name for name in switch.requirements if own.contract.requirements[name].level == "open"
        ]
        for name in asked:
            yield Case(
                switch.question,
                name,
                "open",
                probe_request(switch, model),
                shows=_shown(switch),
            )


def _shown(switch: Switch) -> dict[str, Json]:
    return {value.value: dict(value.wire) for value in switch.values}


def first(strategy: st.SearchStrategy[Json]) -> Json:
    """The first value that is drawn, towards which others shrink."""
    settings = hypothesis.settings(
        database=None, derandomize=True, max_examples=1, phases=[hypothesis.Phase.generate]
    )
    return hypothesis.find(strategy, lambda _: True, settings=settings)


def _status(schema: Json) -> Json:
    return {"properties": {"status": schema}}


def _of_ranking(request: Request) -> Iterator[tuple[str, Json]]:
    """What the results must be: how many, of which documents, with which texts."""
    body = parse_json(request.body)[1] if isinstance(request.body, bytes) else request.body
    documents = Exchange(replace(request, body=body), Answer(0, {}, b"")).documents
    count = len(documents)
    top_n = body.get("top_n", count)
    # Whether null counts as absent is observed, and so is the number of results then.
    if top_n is not None:
        wanted = min(top_n, count)
        asked = "beyond_documents" if top_n > count else "count"
        name = f"request.top_n.{asked}" if "top_n" in body else "response.results.complete"
        yield name, {"minItems": wanted, "maxItems": wanted}
    below = {"exclusiveMaximum": count}
    yield "response.results.index.range", {"items": {"properties": {"index": below}}}
    if body.get("return_documents") is True:
        texts = [_text_at(index, text) for index, text in enumerate(documents)]
        yield "request.return_documents.true", {"items": {"allOf": texts}}
    else:
        asked = "default" if body.get("return_documents") is None else "false"
        nothing = {"properties": {"text": {"enum": [None, ""]}}}
        none = {"items": {"properties": {"document": nothing}}}
        yield f"request.return_documents.{asked}", none


def _text_at(index: int, text: Json) -> Json:
    document = {"type": "object", "required": ["text"], "properties": {"text": {"const": text}}}
    return {
        "if": {"required": ["index"], "properties": {"index": {"const": index}}},
        "then": {"required": ["document"], "properties": {"document": document}},
    }


def _results(schema: Json) -> Json:
    return {"properties": {"body": {"properties": {"results": schema}}}}
