"""From the bytes of a rerank request to what it asks for, or to a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from .behaviour import Behaviour
from .contract import FORMS, GATED_FIELDS, Model, refusal
from .scoring import Content
from .wire import Json, Request, WireError, load


@dataclass(frozen=True, slots=True)
class Rerank:
    """A request that keeps the contract, with defaults filled in and unsupported fields gone."""

    model: Model
    query: Content
    documents: Sequence[Content]
    instruction: str
    #: The number of documents, where the request names none.
    top_n: int
    return_documents: bool
    max_chunks_per_doc: int
    overlap_tokens: int


def read_body(behaviour: Behaviour, request: Request) -> Json:
    """Return the JSON value of the body."""
    if len(request.body) > behaviour.max_body_bytes:
        raise refusal("entity_too_large")
    if behaviour.content_type == "json":
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            _refuse(behaviour, "Content-Type", "Must be application/json")
    try:
        return load(request.body, unique_keys=behaviour.duplicate_keys == "refuse")
    except WireError as error:
        _refuse(behaviour, "body", str(error))


def check_form(behaviour: Behaviour, models: Mapping[str, Model], body: Json) -> dict[str, Any]:
    """Return the fields of a body that keeps the form of its model; integers are integers."""
    form = FORMS[_named_form(models, body)]
    if isinstance(body, dict) and behaviour.optional_null == "absent":
        body = {k: v for k, v in body.items() if v is not None or k not in form.optional}
    if breach := form.breach(body):
        _refuse(behaviour, breach.field, breach.rule)
    fields = cast("dict[str, Any]", body)
    for name in sorted(form.integers.intersection(fields)):
        if isinstance(fields[name], float):
            if behaviour.integral_number == "refuse":
                _refuse(behaviour, name, "Must be of type integer")
            fields[name] = int(fields[name])
    unknown = fields.keys() - form.fields
    if unknown and behaviour.unknown_fields == "refuse":
        _refuse(behaviour, min(unknown), "Is not a field of this request")
    return fields


def find_model(behaviour: Behaviour, models: Mapping[str, Model], name: str) -> Model:
    """Return the model of that name if it is online."""
    model = models.get(name)
    if model is None:
        raise refusal("model_not_found")
    if model.state == "offline":
        disabled = behaviour.offline_model == "disabled"
        raise refusal("model_disabled" if disabled else "model_not_found")
    return model


def understand(behaviour: Behaviour, model: Model, fields: dict[str, Any]) -> Rerank:
    """Return what the fields ask of the model."""
    for name in sorted(GATED_FIELDS.intersection(fields) - model.supports):
        if behaviour.gated_fields == "refuse":
            _refuse(behaviour, name, f"Is not supported by {model.id}")
        del fields[name]
    sent: str | Sequence[Content] = fields["documents"]
    documents = [sent] if isinstance(sent, str) else sent
    if behaviour.empty_document == "refuse" and "" in documents:
        _refuse(behaviour, "documents", "Must not be empty strings")
    top_n = fields.get("top_n", len(documents))
    if behaviour.top_n_beyond_documents == "refuse" and top_n > len(documents):
        _refuse(behaviour, "top_n", "Must be at most the number of documents")
    defaults = FORMS[model.form].defaults
    return Rerank(
        model=model,
        query=fields["query"],
        documents=documents,
        instruction=fields.get("instruction", ""),
        top_n=top_n,
        return_documents=fields.get("return_documents", defaults["return_documents"]),
        max_chunks_per_doc=fields.get("max_chunks_per_doc", defaults["max_chunks_per_doc"]),
        overlap_tokens=fields.get("overlap_tokens", 0),
    )


def _named_form(models: Mapping[str, Model], body: Json) -> str:
    """Return the form of the named model; without a known one the classic form speaks first."""
    name = body.get("model") if isinstance(body, dict) else None
    return models[name].form if isinstance(name, str) and name in models else "classic"


def _refuse(behaviour: Behaviour, field: str, rule: str) -> NoReturn:
    if behaviour.refusal_message == "generic":
        raise refusal("parameter_invalid")
    raise refusal("parameter_rule", field=field, rule=rule)
