"""The contract as the mock reads it: each revision is one value.

`load_contract` reads a folder of `schemas/revisions/`; nothing else in this room reads one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import orjson

from .files import FileError, read_file
from .wire import Family, Json, Response, error_response
from .wording import count_of

SCHEMAS = Path(__file__).parents[1] / "schemas"

_REVISIONS = SCHEMAS / "revisions"

#: The most characters that a message repeats of a file.
LENGTH = 300


class ContractError(ValueError):
    """A revision that cannot be loaded; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class Price:
    """CNY per million tokens."""

    text: Decimal
    image: Decimal

    @classmethod
    def from_json(cls, row: Mapping[str, str] | None) -> "Price":
        """Return a price from its JSON; one that is not known is nothing."""
        if row is None:
            return cls(Decimal(0), Decimal(0))
        return cls(Decimal(row["text"]), Decimal(row["image"]))

    def to_json(self) -> dict[str, str]:
        """Return its JSON."""
        return {"text": f"{self.text:f}", "image": f"{self.image:f}"}


@dataclass(frozen=True, slots=True)
class Model:
    """A model, as in `models.json`."""

    #: The name that a request has in `model`.
    id: str
    family: str
    #: The name of its request form, as in `Contract.forms`.
    form: str
    context_tokens: int
    #: The gated fields that have an effect with this model.
    supports: frozenset[str]
    state: Literal["online", "offline"]
    price: Price

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Model":
        """Return a model from its JSON."""
        values = dict(row)
        values["supports"] = frozenset(row["supports"])
        values["price"] = Price.from_json(row["price"])
        values["context_tokens"] = int(row["context_tokens"])
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return its JSON."""
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
    """An error, as in `errors.json`."""

    status: int
    code: int | None
    family: Family
    #: May contain placeholders such as `{limit}`, which `response` fills.
    message: str

    def response(self, *, family: Family | None = None, **places: str) -> Response:
        """Return the answer; `family` replaces that of the contract."""
        message = self.message.format_map(places)
        return error_response(self.status, family or self.family, self.code, message)


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the mock
    """Ends the processing of a request, with its answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class Breach:
    """A field and the rule that it violates."""

    field: str
    rule: str


#: The message about a violated rule, by schema keyword; the value comes from the schema.
RULES = {
    "anyOf": "Must have one of the shapes that the contract names",
    "maximum": "Must be less than or equal to {}",
    "minItems": "Must have at least {}",
    "minLength": "Must have at least {}",
    "minimum": "Must be greater than or equal to {}",
    "required": "Must be present",
    "type": "Must be of type {}",
}

#: What the value of a keyword counts.
_COUNTED = {"minItems": "item", "minLength": "character"}


def first_error(
    validator: jsonschema_rs.Draft202012Validator, value: object
) -> jsonschema_rs.ValidationError | None:
    """Return the first thing that is wrong with `value`, or None.

    `iter_errors` would find all errors before it returns the first, with a copy of each.
    """
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        return error
    return None


class Form:
    """A request form: what its schema says, and the check of a body against it."""

    def __init__(self, name: str, schemas: Mapping[str, dict[str, Any]]) -> None:
        schema = schemas[name]
        self.name = name
        self._validator = jsonschema_rs.Draft202012Validator(
            schema, registry=jsonschema_rs.Registry([(s["$id"], s) for s in schemas.values()])
        )
        properties = {key: _resolve(value, schemas) for key, value in schema["properties"].items()}
        self.fields = frozenset(properties)
        self.optional = self.fields.difference(schema["required"])
        self.integers = frozenset(k for k, v in properties.items() if v.get("type") == "integer")
        self.minimums = {k: v["minimum"] for k, v in properties.items() if "minimum" in v}
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
        if keyword not in RULES:
            return Breach(field, f"Must keep {keyword}")
        if keyword == "type":
            value = " or ".join(value)
        elif keyword in _COUNTED:
            value = count_of(value, _COUNTED[keyword])
        return Breach(field, RULES[keyword].format(value))


@dataclass(frozen=True, eq=False)
class Contract:
    """One revision of the contract."""

    #: The month of the page, such as `2026-07`; the name of the folder.
    revision: str
    #: Request forms by name.
    forms: Mapping[str, Form]
    #: Models by name.
    models: Mapping[str, Model]
    #: Error answers by their id in `errors.json`.
    errors: Mapping[str, ErrorAnswer]
    #: The switches of each preset of `behaviours.json`.
    presets: Mapping[str, Mapping[str, Any]]

    @cached_property
    def gated_fields(self) -> frozenset[str]:
        """The fields that only some models support."""
        return frozenset[str]().union(*(model.supports for model in self.models.values()))

    @cached_property
    def plain_fields(self) -> frozenset[str]:
        """The fields of the form `classic` that all models support."""
        return self.forms["classic"].fields - self.gated_fields

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Every field of a request, sorted."""
        return tuple(sorted(frozenset[str]().union(*(f.fields for f in self.forms.values()))))

    def form_of(self, model: Model | None) -> Form:
        """Return the request form of the model; without a model, the classic form."""
        return self.forms["classic" if model is None else model.form]

    def refusal(self, error: str, *, family: Family | None = None, **places: str) -> Refusal:
        """Return a refusal with one of the errors; the rest is as in `ErrorAnswer.response`."""
        return Refusal(self.errors[error].response(family=family, **places))


@cache
def revisions() -> Sequence[str]:
    """Return the names of the shipped revisions, oldest first."""
    return sorted(folder.name for folder in _REVISIONS.iterdir() if folder.is_dir())


def load_contract(revision: str | Path | None = None) -> Contract:
    """Return a revision by its name or folder; by default the newest. Raises `ContractError`."""
    if revision is None:
        return _load(_REVISIONS / revisions()[-1])
    if revision in revisions():
        return _load(_REVISIONS / revision)
    folder = Path(revision)
    if not folder.is_dir():
        known = ", ".join(revisions())
        raise ContractError(f"{revision}: neither a revision ({known}) nor a folder with one")
    return _load(folder.resolve())


@cache
def file_schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schemas of `schemas/files/` by name; they belong to no revision."""
    paths = (SCHEMAS / "files").glob("*.json")
    return {path.stem: orjson.loads(path.read_bytes()) for path in paths}


@cache
def _file_registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(schema["$id"], schema) for schema in file_schemas().values()])


@cache
def _load(folder: Path) -> Contract:
    paths = sorted(folder.glob("request.*.json"))
    schemas: dict[str, dict[str, Any]] = {
        path.stem.partition(".")[2]: _read(path) for path in paths
    }
    if "classic" not in schemas:
        raise ContractError(f"{folder}: contains no request.classic.json")
    models, errors, behaviours = (
        _table(folder / name) for name in ("models.json", "errors.json", "behaviours.json")
    )
    forms = {name: _form(folder / f"request.{name}.json", name, schemas) for name in schemas}
    for number, row in enumerate(models):
        place = f"{folder / 'models.json'}: $[{number}]"
        if row["form"] not in forms:
            raise ContractError(f"{place}.form: there is no request.{row['form'][:LENGTH]}.json")
        for field in row["supports"]:
            if field not in forms[row["form"]].fields:
                reason = f"the form has no field {field[:LENGTH]!r}"
                raise ContractError(f"{place}.supports: {reason}")
    return Contract(
        revision=folder.name,
        forms=forms,
        models={row["id"]: Model.from_json(row) for row in models},
        errors={
            row["id"]: ErrorAnswer(row["status"], row["code"], row["family"], row["message"])
            for row in errors
        },
        presets=behaviours["presets"],
    )


def _form(path: Path, name: str, schemas: Mapping[str, dict[str, Any]]) -> Form:
    try:
        return Form(name, schemas)
    except ValueError as error:
        problem = str(error).partition("\n")[0][:LENGTH]
        raise ContractError(f"{path}: is not a JSON Schema: {problem}") from None
    except (LookupError, TypeError, AttributeError, StopIteration):
        reason = "is not the schema of an object with properties, or a $ref in it leads nowhere"
        raise ContractError(f"{path}: {reason}") from None


def _table(path: Path) -> Any:  # noqa: ANN401 - of three shapes, which their schemas describe
    """Read a table that keeps the schema of its name in `schemas/files/`."""
    value, error = _read(path), None
    # A second time without the value, if the message is long because it repeats that.
    for mask in (None, "the value"):
        validator = jsonschema_rs.Draft202012Validator(
            file_schemas()[path.stem], registry=_file_registry(), mask=mask
        )
        error = first_error(validator, value)
        if error is None or len(error.message) <= LENGTH:
            break
    if error is not None:
        place = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in error.instance_path)
        raise ContractError(f"{path}: ${place[:LENGTH]}: {error.message[:LENGTH]}")
    return value


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        return orjson.loads(read_file(path))
    except FileError as error:
        raise ContractError(f"{path}: {error}") from None
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{path}: is not JSON: {error}") from None


def _resolve(schema: Mapping[str, Any], schemas: Mapping[str, dict[str, Any]]) -> Mapping[str, Any]:
    """Follow a reference from one form into the properties of another."""
    target, _, pointer = schema.get("$ref", "#").partition("#")
    if not target:
        return schema
    found = next(form for form in schemas.values() if form["$id"] == target)
    for step in pointer.strip("/").split("/"):
        found = found[step]
    return found
