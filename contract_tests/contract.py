"""The contract as the judge reads it: requirements, models and schemas, straight from the data."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jsonschema
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, SchemaRegistry

SCHEMAS = Path(__file__).parents[1] / "schemas"
#: The newest revision of the contract.
REVISION = SCHEMAS / "revisions" / "2026-07"
FORMS = ("classic", "multimodal")

AnyJson: TypeAlias = Any
Level: TypeAlias = Literal["spec", "observed", "open"]


@dataclass(frozen=True)
class Requirement:
    """One sentence of the contract, from ``requirements.json``."""

    #: Stable name, such as ``request.top_n.minimum``.
    id: str
    #: ``spec`` fails when broken, ``observed`` is reported, ``open`` is only characterised.
    level: Level
    sentence: str
    #: Where it comes from: ``kind``, and the ``section`` and ``field`` of the page.
    source: Mapping[str, str | None]
    #: Schema keywords that state it, as ``<schema>#/<path>``.
    applies_to: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """One row of ``models.json``."""

    id: str
    form: str
    #: Gated fields that the model supports; None where that is not known.
    supports: frozenset[str] | None
    state: str
    #: CNY per million tokens, the dearer of text and image.
    price: Decimal


@dataclass(frozen=True)
class BrokenKeyword:
    """One schema keyword that an instance breaks."""

    #: The requirement that the keyword states.
    requirement: str
    #: JSON path of the offending place, such as ``$.results[0].index``.
    path: str
    #: What the schema demands there.
    expected: str
    #: What stands there instead.
    received: AnyJson


def _load(name: str) -> AnyJson:
    return json.loads((REVISION / name).read_text(encoding="utf-8"))


REQUIREMENTS: Mapping[str, Requirement] = {
    row["id"]: Requirement(
        id=row["id"],
        level=row["level"],
        sentence=row["sentence"],
        source=row["source"],
        applies_to=tuple(row["applies_to"]),
    )
    for row in _load("requirements.json")
}
MODELS: Mapping[str, Model] = {
    row["id"]: Model(
        id=row["id"],
        form=row["form"],
        supports=frozenset(row["supports"]),
        state=row["state"],
        price=max(Decimal(price) for price in row["price"].values()),
    )
    for row in _load("models.json")
}
GATED_FIELDS: tuple[str, ...] = tuple(
    sorted({field for model in MODELS.values() for field in model.supports or ()})
)
#: Schema name -> schema, such as ``request.classic``.
DOCUMENTS: Mapping[str, Mapping[str, AnyJson]] = {
    name: _load(f"{name}.json")
    for name in (*(f"request.{form}" for form in FORMS), "response", "error")
}
_REGISTRY: SchemaRegistry = EMPTY_REGISTRY.with_resources(
    (document["$id"], DRAFT202012.create_resource(document)) for document in DOCUMENTS.values()
)
#: Pointer of a schema keyword -> id of the requirement that it states.
STATED_BY: Mapping[str, str] = {
    pointer: requirement.id
    for requirement in REQUIREMENTS.values()
    for pointer in requirement.applies_to
}


def model_named(name: str) -> Model:
    """The model of that name; an unlisted one is taken as classic, its gated fields unknown."""
    unlisted = Model(name, "classic", supports=None, state="online", price=Decimal(0))
    return MODELS.get(name, unlisted)


def representatives() -> tuple[Model, ...]:
    """The cheapest online model of each group with the same form and gated fields."""
    groups: dict[tuple[str, frozenset[str]], Model] = {}
    for model in sorted(MODELS.values(), key=lambda model: model.price):
        if model.state == "online" and model.supports is not None:
            groups.setdefault((model.form, model.supports), model)
    return tuple(groups.values())


def keywords(pointer: str) -> dict[str, tuple[str, AnyJson]]:
    """The keywords that hold at ``pointer``, with where each stands; ``$ref`` is followed."""
    schema = _at(pointer)
    found = keywords(_target(pointer)) if "$ref" in schema else {}
    own = {key: (f"{pointer}/{key}", value) for key, value in schema.items() if key != "$ref"}
    return {**found, **own}


def breaches(name: str, instance: AnyJson) -> Iterator[BrokenKeyword]:
    """Every keyword of the schema ``name`` that ``instance`` breaks."""
    error: AnyJson
    told: Counter[str] = Counter()
    for error in _validator(name).iter_errors(instance):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        place = f"{name}#"
        for part in error.absolute_schema_path:
            # jsonschema leaves $ref out of the path.
            place = f"{place if part in _at(place) else _target(place)}/{part}"
        if error.validator == "required":
            missing = [member for member in error.validator_value if member not in error.instance]
            # jsonschema has an error for each of them, and does not say which.
            member = missing[told[error.json_path]]
            told[error.json_path] += 1
            requirement = STATED_BY[f"{place}/{member}"]
            yield BrokenKeyword(requirement, error.json_path, f"a member {member}", error.instance)
        else:
            expected = f"{error.validator} {json.dumps(error.validator_value)}"
            yield BrokenKeyword(STATED_BY[place], error.json_path, expected, error.instance)


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(DOCUMENTS[name], registry=_REGISTRY)


def _at(pointer: str) -> AnyJson:
    name, _, path = pointer.partition("#")
    schema: AnyJson = DOCUMENTS[name]
    for part in path.split("/")[1:]:
        schema = schema[part]
    return schema


def _target(pointer: str) -> str:
    """The pointer that the ``$ref`` at ``pointer`` leads to."""
    document, _, path = str(_at(pointer)["$ref"]).partition("#")
    name = document.rpartition(":")[2] or pointer.partition("#")[0]
    return f"{name}#{path}"
