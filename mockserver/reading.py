"""From a rerank request to its effective fields, or to a refusal."""

from collections.abc import Mapping
from typing import Any, NoReturn, cast

from .behaviour import Behaviour
from .contract import Contract, Model
from .parsed_request import ReceivedRequest
from .scoring import Ranking
from .wire import Json, WireError, load
from .wording import count_of

#: The least values that make sense, whether the contract states them or not.
_LEAST = {"top_n": 1, "max_chunks_per_doc": 1, "overlap_tokens": 0}


def check_body(contract: Contract, behaviour: Behaviour, received: ReceivedRequest) -> None:
    """Refuse a body that is too long, has another media type, or is not JSON."""
    request = received.request
    if received.is_too_long:
        raise contract.refusal("entity_too_large")
    if behaviour.content_type == "json":
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            _refuse(contract, behaviour, "Content-Type", "Must be application/json")
    problem = received.problem or ("" if request.body else _problem(b""))
    if behaviour.duplicate_keys == "refuse":
        problem = problem or _problem(request.body, unique_keys=True)
    if problem:
        _refuse(contract, behaviour, "body", problem)


def check_form(
    contract: Contract, behaviour: Behaviour, received: ReceivedRequest
) -> dict[str, Any]:
    """Return the fields of a body that keeps the form of its model, integers as `int`."""
    form = received.form
    body, breach = received.without_nulls, received.breach
    if behaviour.optional_null == "refuse" and body is not received.body:
        body = received.body
        breach = form.breach(body)
    if breach:
        _refuse(contract, behaviour, breach.field, breach.rule)
    fields = dict(cast("dict[str, Any]", body))
    for name in sorted(form.integers.intersection(fields)):
        if isinstance(fields[name], float):
            if behaviour.integral_number == "refuse":
                _refuse(contract, behaviour, name, "Must be of type integer")
            fields[name] = int(fields[name])
    unknown = fields.keys() - form.fields
    if unknown and behaviour.unknown_fields == "refuse":
        _refuse(contract, behaviour, min(unknown), "Is not a field of this request")
    return {name: fields[name] for name in fields if name in form.fields} if unknown else fields


def find_model(
    contract: Contract, behaviour: Behaviour, models: Mapping[str, Model], name: str
) -> Model:
    """Return the model of that name if it is online."""
    model = models.get(name)
    if model is None:
        raise contract.refusal("model_not_found")
    if model.state == "offline":
        disabled = behaviour.offline_model == "disabled"
        raise contract.refusal("model_disabled" if disabled else "model_not_found")
    return model


def understand(
    contract: Contract, behaviour: Behaviour, model: Model, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return the effective fields: with defaults, and without those that have no effect.

    `documents` is a list, and `top_n` is always present.
    """
    for name in sorted(contract.gated_fields.intersection(fields) - model.supports):
        if behaviour.gated_fields == "refuse":
            _refuse(contract, behaviour, name, f"Is not supported by {model.id}")
        del fields[name]
    for name, least in _LEAST.items():
        if name in fields and fields[name] < least:
            if behaviour.number_below_minimum == "refuse":
                rule = f"Must be greater than or equal to {least}"
                _refuse(contract, behaviour, name, rule)
            del fields[name]
    fields = {**contract.forms[model.form].defaults, **fields}
    documents: Json = fields["documents"]
    documents = documents if isinstance(documents, list) else [documents]
    fields["documents"] = documents
    if behaviour.empty_document == "refuse" and "" in documents:
        _refuse(contract, behaviour, "documents", "Must not be empty strings")
    if len(documents) > behaviour.max_documents:
        if behaviour.too_many_documents == "entity_too_large":
            raise contract.refusal("entity_too_large")
        rule = f"Must have at most {count_of(behaviour.max_documents, 'item')}"
        _refuse(contract, behaviour, "documents", rule)
    top_n = fields.setdefault("top_n", len(documents))
    if behaviour.top_n_beyond_documents == "refuse" and top_n > len(documents):
        _refuse(contract, behaviour, "top_n", "Must be at most the number of documents")
    return fields


def check_context(contract: Contract, behaviour: Behaviour, model: Model, ranking: Ranking) -> None:
    """Refuse a query and a document that do not fit into the context of the model together."""
    if behaviour.context_overflow == "truncate":
        return
    chunks = "max_chunks_per_doc" in model.supports
    tokens = ranking.query_tokens + (0 if chunks else ranking.longest_document)
    if tokens > model.context_tokens:
        rule = f"Has {tokens} tokens with the query; {model.id} takes {model.context_tokens}"
        _refuse(contract, behaviour, "documents", rule)


def _problem(body: bytes, *, unique_keys: bool = False) -> str:
    """Return why a body cannot be parsed, or an empty string."""
    try:
        load(body, unique_keys=unique_keys)
    except WireError as error:
        return str(error)
    return ""


def _refuse(contract: Contract, behaviour: Behaviour, field: str, rule: str) -> NoReturn:
    if behaviour.refusal_message == "generic":
        raise contract.refusal("parameter_invalid")
    raise contract.refusal("parameter_rule", field=field[:64], rule=rule)
