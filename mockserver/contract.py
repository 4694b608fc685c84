"""The contract as this room reads it: models, error answers and request forms from `schemas/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import jsonschema_rs
import orjson

from .wire import Family, Json, Response, error_response

SCHEMAS = Path(__file__).parents[1] / "schemas"
#: The newest revision of the contract.
REVISION = SCHEMAS / "revisions" / "2026-07"


def _read(name: str) -> Any:  # noqa: ANN401 - tests/schemas holds the tables to their schemas
    return orjson.loads((REVISION / name).read_bytes())


@dataclass(frozen=True, slots=True)
class Price:
    """CNY per million tokens."""

    text: Decimal
    image: Decimal

    @classmethod
    def from_json(cls, row: Mapping[str, str]) -> "Price":
        """Make a price of its JSON."""
        return cls(Decimal(row["text"]), Decimal(row["image"]))

    def to_json(self) -> dict[str, str]:
        """Return its JSON."""
        return {"text": f"{self.text:f}", "image": f"{self.image:f}"}


@dataclass(frozen=True, slots=True)
class Model:
    """A row of `models.json`."""

    #: The exact name that a request gives in `model`.
    id: str
    family: str
    #: The key of the request form in `FORMS`.
    form: str
    context_tokens: int
    #: The gated fields that have an effect with this model.
    supports: frozenset[str]
    state: Literal["online", "offline"]
    price: Price

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Model":
        """Make a model of a row of the table."""
        values = dict(row)
        values["supports"] = frozenset(row["supports"])
        values["price"] = Price.from_json(row["price"])
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return the row of the table."""
        return {
            "id": self.id,
            "family": self.family,
            "form": self.form,
            "context_tokens": self.context_tokens,
            "supports": sorted(self.supports),
            "state": self.state,
            "price": self.price.to_json(),
        }


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A row of `errors.json`."""

    status: int
    code: int | None
    family: Family
    #: May hold places such as `{limit}`, which `response` fills.
    message: str

    def response(self, *, family: Family | None = None, **places: str) -> Response:
        """Print the answer, in another family than the contract's if one is named."""
        message = self.message.format_map(places)
        return error_response(self.status, family or self.family, self.code, message)


class Refusal(Exception):  # noqa: N818 - an answer, and no error of the mock
    """Ends the way of a request through the mock, with the answer that it gets."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refusal(error: str, *, family: Family | None = None, **places: str) -> Refusal:
    """Make a refusal of one of the `ERRORS`; family and places as in `ErrorAnswer.response`."""
    return Refusal(ERRORS[error].response(family=family, **places))


@dataclass(frozen=True, slots=True)
class Breach:
    """A field, and the rule that it breaks."""

    field: str
    rule: str


#: What is said of a broken rule, by schema keyword; the place is filled from the schema.
RULES = {
    "anyOf": "Must have one of the shapes that the contract names",
    "maximum": "Must be less than or equal to {}",
    "minItems": "Must have at least {} items",
    "minLength": "Must have at least {} characters",
    "minimum": "Must be greater than or equal to {}",
    "required": "Must be present",
    "type": "Must be of type {}",
}


def first_error(
    validator: jsonschema_rs.Draft202012Validator, value: object
) -> jsonschema_rs.ValidationError | None:
    """Return the first thing wrong with `value`, None if there is nothing.

    `iter_errors` would find all of them before it gives the first, and keep a copy of each.
    """
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error
    return None


class Form:
    """One of the request forms: what its schema says, and its verdict on a body."""

    def __init__(self, name: str) -> None:
        schema = _FORM_SCHEMAS[name]
        self._validator = jsonschema_rs.Draft202012Validator(schema, registry=_REGISTRY)
        properties = {key: _resolve(value) for key, value in schema["properties"].items()}
        self.fields = frozenset(properties)
        self.optional = self.fields.difference(schema["required"])
        self.integers = frozenset(k for k, v in properties.items() if v.get("type") == "integer")
        self.defaults = {k: v["default"] for k, v in properties.items() if "default" in v}

    def breach(self, body: Json) -> Breach | None:
        """Return the first breach of the schema, or None for a valid body."""
        error = first_error(self._validator, body)
        if error is None:
            return None
        keyword, value = error.kind.name, error.kind.value
        if keyword == "required":
            return Breach(value, RULES[keyword])
        field = ".".join(str(step) for step in error.instance_path) or "body"
        named = " or ".join(value) if keyword == "type" else value
        return Breach(field, RULES[keyword].format(named))


def _resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference from one form into the properties of another."""
    target, _, pointer = schema.get("$ref", "#").partition("#")
    if not target:
        return schema
    found = next(form for form in _FORM_SCHEMAS.values() if form["$id"] == target)
    for step in pointer.strip("/").split("/"):
        found = found[step]
    return found


_FORM_SCHEMAS: dict[str, dict[str, Any]] = {
    name: _read(f"request.{name}.json") for name in ("classic", "multimodal")
}
_REGISTRY = jsonschema_rs.Registry([(form["$id"], form) for form in _FORM_SCHEMAS.values()])

#: Request forms by name.
FORMS = {name: Form(name) for name in _FORM_SCHEMAS}

#: Models by name.
MODELS: Mapping[str, Model] = MappingProxyType(
    {row["id"]: Model.from_json(row) for row in _read("models.json")}
)

#: The fields that at least one model supports and others do not.
GATED_FIELDS = frozenset[str]().union(*(model.supports for model in MODELS.values()))

#: Error answers by their id in `errors.json`.
ERRORS: Mapping[str, ErrorAnswer] = {
    row["id"]: ErrorAnswer(row["status"], row["code"], row["family"], row["message"])
    for row in _read("errors.json")
}
