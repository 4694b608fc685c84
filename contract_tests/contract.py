"""The contract as the judge reads it: one revision of it, straight from the data, as a value."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import jsonschema
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, SchemaRegistry

SCHEMAS = Path(__file__).parents[1] / "schemas"
REVISIONS = SCHEMAS / "revisions"
#: Tables of a revision; each has its schema in `schemas/files`.
TABLES = ("requirements", "models", "errors", "behaviours")

AnyJson: TypeAlias = Any
Level: TypeAlias = Literal["spec", "observed", "open"]


class RevisionError(ValueError):
    """A revision that cannot be loaded; the message says what is wrong and what to try."""


@dataclass(frozen=True)
class Requirement:
    """One sentence of the contract, from `requirements.json`."""

    #: Stable name, such as `request.top_n.minimum`.
    id: str
    #: `spec` fails when broken, `observed` is reported, `open` is only characterised.
    level: Level
    sentence: str
    #: Where it comes from: `kind`, and the `section` and `field` of the page.
    source: Mapping[str, str | None]
    #: Schema keywords that state it, as `<schema>#/<path>`.
    applies_to: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """One row of `models.json`."""

    id: str
    form: str
    #: Gated fields that the model supports; None where that is not known.
    supports: frozenset[str] | None
    state: str
    #: CNY per million tokens, the dearer of text and image; None where it is not known.
    price: Decimal | None
    #: Tokens of a query and a document together; None where that is not known.
    context_tokens: int | None = None

    @property
    def kind(self) -> tuple[str, frozenset[str] | None]:
        """What models have in common that take the same requests: the form and gated fields."""
        return self.form, self.supports


def kinds(models: Iterable[Model]) -> tuple[Model, ...]:
    """The first model of each kind."""
    first: dict[tuple[str, frozenset[str] | None], Model] = {}
    for model in models:
        first.setdefault(model.kind, model)
    return tuple(first.values())


@dataclass(frozen=True)
class SwitchValue:
    """One way to act where the contract leaves it open."""

    value: str
    meaning: str
    #: JSON Schema of an answer that shows it, as `status`, `headers` and `body`.
    wire: Mapping[str, AnyJson]

    def __str__(self) -> str:
        return f"{self.value}: {self.meaning}"


@dataclass(frozen=True)
class Switch:
    """One point that the contract leaves open, from `behaviours.json`."""

    name: str
    question: str
    #: Ids of the requirements that it answers.
    requirements: tuple[str, ...]
    #: How the plainest request is changed to see it; None where one request cannot show it.
    probe: Mapping[str, AnyJson] | None
    #: What else would show it, in words.
    shown_by: str | None
    #: Empty where the value is a number.
    values: tuple[SwitchValue, ...]
    #: JSON Schema of the answer to what exceeds the number; None where the value is none.
    exceeded: Mapping[str, AnyJson] | None = None


@dataclass(frozen=True)
class BrokenKeyword:
    """One schema keyword that an instance breaks."""

    #: The requirement that the keyword states.
    requirement: str
    #: JSON path of the offending place, such as `$.results[0].index`.
    path: str
    #: What the schema demands there.
    expected: str
    #: What stands there instead.
    received: AnyJson
    #: The member that is required and missing there, if that is what is wrong.
    missing: str | None = None


@dataclass(frozen=True, eq=False)
class Contract:
    """One revision of the contract."""

    #: Name of a shipped revision, otherwise the path of its folder.
    revision: str
    folder: Path
    requirements: Mapping[str, Requirement]
    models: Mapping[str, Model]
    #: Rows of `errors.json`.
    errors: tuple[Mapping[str, AnyJson], ...]
    switches: Mapping[str, Switch]
    #: Schema name, such as `request.classic`, -> schema.
    schemas: Mapping[str, Mapping[str, AnyJson]]
    _validators: dict[str, jsonschema.Draft202012Validator] = field(
        default_factory=dict[str, jsonschema.Draft202012Validator], repr=False
    )

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """Names of the request forms, `classic` first."""
        return tuple(name.partition(".")[2] for name in self.schemas if name.startswith("request."))

    @cached_property
    def gated_fields(self) -> tuple[str, ...]:
        """Fields that only some models support, or that only a table says they do."""
        fields = {name for model in self.models.values() for name in model.supports or ()}
        return tuple(sorted(fields))

    def supported_with(self, field: str) -> frozenset[str]:
        """The gated fields that every model supports which supports `field`, itself included."""
        alike = [model.supports for model in self.models.values() if model.supports]
        found = frozenset(self.gated_fields)
        for supports in alike:
            found = found & supports if field in supports else found
        return found

    @cached_property
    def stated_by(self) -> Mapping[str, str]:
        """Pointer of a schema keyword -> id of the requirement that it states."""
        return {
            pointer: requirement.id
            for requirement in self.requirements.values()
            for pointer in requirement.applies_to
        }

    @cached_property
    def _registry(self) -> SchemaRegistry:
        return EMPTY_REGISTRY.with_resources(
            (schema["$id"], DRAFT202012.create_resource(schema)) for schema in self.schemas.values()
        )

    def model_named(self, name: str) -> Model:
        """The model of that name; an unlisted one counts as classic, its gated fields unknown.

        What stands behind `=` is the name of a model that it is like, and was read before.
        """
        name = name.partition("=")[0]
        unlisted = Model(name, self.forms[0], supports=None, state="online", price=None)
        return self.models.get(name, unlisted)

    def by_price(self) -> tuple[Model, ...]:
        """All models, the cheapest first; those of unknown price last."""
        prices = (model.price for model in self.models.values())
        dearest = max((price for price in prices if price is not None), default=Decimal(0))
        return tuple(
            sorted(
                self.models.values(),
                key=lambda model: dearest + 1 if model.price is None else model.price,
            )
        )

    def online(self) -> tuple[Model, ...]:
        """The models that the service serves, the cheapest of each kind first."""
        served = [model for model in self.by_price() if model.state == "online"]
        return tuple(dict.fromkeys((*kinds(served), *served)))

    def representatives(self) -> tuple[Model, ...]:
        """The cheapest online model of each kind."""
        return kinds(self.online())

    def required_of(self, model: Model) -> list[str]:
        """The fields that a request for the model must have."""
        required: list[str] = self.schemas[f"request.{model.form}"].get("required", [])
        return required

    def keywords(self, pointer: str) -> dict[str, tuple[str, AnyJson]]:
        """The keywords that hold at `pointer`, with where each stands; `$ref` is followed."""
        schema = self._at(pointer)
        found = self.keywords(self.target(pointer)) if "$ref" in schema else {}
        own = {key: (f"{pointer}/{key}", value) for key, value in schema.items() if key != "$ref"}
        return {**found, **own}

    def broken_keywords(self, name: str, instance: AnyJson) -> Iterator[BrokenKeyword]:
        """Every stated keyword of the schema `name` that `instance` breaks."""
        error: AnyJson
        reported: Counter[str] = Counter()
        for error in self._validator(name).iter_errors(instance):  # pyright: ignore[reportUnknownMemberType] - untyped overload
            place = f"{name}#"
            for part in error.absolute_schema_path:
                # jsonschema leaves $ref out of the path.
                place = f"{place if part in self._at(place) else self.target(place)}/{part}"
            expected, member = f"{error.validator} {json.dumps(error.validator_value)}", None
            if error.validator == "required":
                missing = [name for name in error.validator_value if name not in error.instance]
                # jsonschema has an error for each of them, and does not say which.
                member = missing[reported[error.json_path]]
                reported[error.json_path] += 1
                place, expected = f"{place}/{member}", f"`{member}`"
            if place in self.stated_by:
                requirement = self.stated_by[place]
                yield BrokenKeyword(requirement, error.json_path, expected, error.instance, member)

    def has(self, pointer: str) -> bool:
        """Whether there is anything at `pointer`; of a list, whether it is an item."""
        front, _, last = pointer.rpartition("/")
        try:
            return last in self._at(front) if front else pointer.rstrip("#") in self.schemas
        except (KeyError, TypeError):
            return False

    def _validator(self, name: str) -> jsonschema.Draft202012Validator:
        if name not in self._validators:
            self._validators[name] = jsonschema.Draft202012Validator(
                self.schemas[name], registry=self._registry
            )
        return self._validators[name]

    def _at(self, pointer: str) -> AnyJson:
        name, _, path = pointer.partition("#")
        schema: AnyJson = self.schemas[name]
        for part in path.split("/")[1:]:
            schema = schema[part]
        return schema

    def target(self, pointer: str) -> str:
        """The pointer that the `$ref` at `pointer` leads to."""
        document, _, path = str(self._at(pointer)["$ref"]).partition("#")
        name = document.rpartition(":")[2] or pointer.partition("#")[0]
        return f"{name}#{path}"


def revisions() -> tuple[str, ...]:
    """Names of the shipped revisions, the oldest first."""
    return tuple(sorted(path.name for path in REVISIONS.iterdir() if path.is_dir()))


def load_contract(revision: str | Path | None = None) -> Contract:
    """Load a shipped revision by name, or one from a folder; by default the newest.

    Raises `RevisionError` for one that does not exist or cannot be read.
    """
    shipped = revisions()
    name = shipped[-1] if revision is None else str(revision)
    folder = REVISIONS / name if name in shipped else Path(name)
    if not folder.is_dir():
        raise RevisionError(
            f"there is no revision {name}: name a folder, or one of {', '.join(shipped)}"
        )
    tables = {table: _read(folder, table) for table in TABLES}
    if name not in shipped:
        for table, rows in tables.items():
            _check(folder, table, rows)
    forms = sorted(path.stem for path in folder.glob("request.*.json"))
    if not forms:
        raise RevisionError(f"{folder} holds no form of a request, such as request.classic.json")
    schemas = {schema: _read(folder, schema) for schema in (*forms, "response", "error")}
    for row in tables["models"]:
        form = schemas.get(f"request.{row['form']}")
        if form is None:
            raise RevisionError(
                f"{folder}: {row['id']} has the form {row['form']}, without a schema"
            )
        for gated in set(row["supports"]) - form["properties"].keys():
            raise RevisionError(f"{folder}: {row['id']} supports {gated}, which its form lacks")
    contract = Contract(
        revision=name,
        folder=folder,
        requirements={
            row["id"]: Requirement(
                row["id"], row["level"], row["sentence"], row["source"], tuple(row["applies_to"])
            )
            for row in tables["requirements"]
        },
        models={row["id"]: _model(row) for row in tables["models"]},
        errors=tuple(tables["errors"]),
        switches={row["name"]: _switch(row) for row in tables["behaviours"]["switches"]},
        schemas=schemas,
    )
    if name not in shipped:
        _check_schemas(contract)
    return contract


def _check_schemas(contract: Contract) -> None:
    """Raise `RevisionError` where a schema is none, or a pointer leads nowhere."""
    for name, schema in contract.schemas.items():
        path = contract.folder / f"{name}.json"
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise RevisionError(f"{path}: {error.json_path}: {error.message}") from None
        for pointer in _references(schema, f"{name}#"):
            if not contract.has(contract.target(pointer)):
                raise RevisionError(f"{path}: {pointer.partition('#')[2]}: its $ref leads nowhere")
    for requirement in contract.requirements.values():
        for pointer in requirement.applies_to:
            if not contract.has(pointer):
                raise RevisionError(
                    f"{contract.folder / 'requirements.json'}: {requirement.id}:"
                    f" applies to {pointer}, which does not exist"
                )


def _references(schema: AnyJson, pointer: str) -> Iterator[str]:
    """Pointers of all parts of a schema that have a `$ref`."""
    if isinstance(schema, dict):
        members = cast("dict[str, AnyJson]", schema)
        if isinstance(members.get("$ref"), str):
            yield pointer
        for key, value in members.items():
            yield from _references(value, f"{pointer}/{key}")


def _model(row: AnyJson) -> Model:
    prices: Mapping[str, str] = row["price"] or {}
    price = max(map(Decimal, prices.values()), default=None)
    supports, context = frozenset(row["supports"]), row["context_tokens"]
    return Model(row["id"], row["form"], supports, row["state"], price, context)


def _switch(row: AnyJson) -> Switch:
    # A number has a schema in place of the list.
    is_number = "type" in row["values"]
    listed: list[AnyJson] = [] if is_number else row["values"]
    return Switch(
        name=row["name"],
        question=row["question"],
        requirements=tuple(row["requirements"]),
        probe=row["probe"],
        shown_by=row["shown_by"],
        values=tuple(
            SwitchValue(value["value"], value["meaning"], value["wire"]) for value in listed
        ),
        exceeded=row["values"]["wire"] if is_number else None,
    )


def _read(folder: Path, name: str) -> AnyJson:
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RevisionError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RevisionError(f"{path} is not JSON: {error}") from None


def _check(folder: Path, table: str, rows: AnyJson) -> None:
    schemas = [_read(SCHEMAS / "files", name) for name in TABLES]
    registry: SchemaRegistry = EMPTY_REGISTRY.with_resources(
        (schema["$id"], DRAFT202012.create_resource(schema)) for schema in schemas
    )
    schema = schemas[TABLES.index(table)]
    error: AnyJson
    for error in jsonschema.Draft202012Validator(schema, registry=registry).iter_errors(rows):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        raise RevisionError(f"{folder / table}.json: {error.json_path}: {error.message}")
