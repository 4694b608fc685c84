"""The contract as these tests read it; the rooms have readers of their own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json: TypeAlias = Any

FOLDER = Path(__file__).parents[2] / "schemas"


@dataclass(frozen=True)
class Revision:
    """The contract as it was published at one time."""

    #: The month in which the page was read.
    name: str
    #: Schema name -> schema, of the schemas that requirements point into.
    schemas: dict[str, Json]
    #: Table name -> rows, of `models`, `errors` and `requirements`.
    tables: dict[str, Json]
    #: Switches and presets.
    behaviours: Json

    @property
    def forms(self) -> list[str]:
        """The names of the request schemas."""
        return [name for name in self.schemas if name.startswith("request.")]


def _load(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8"))


def _revision(folder: Path) -> Revision:
    forms = sorted(path.stem for path in folder.glob("request.*.json"))
    return Revision(
        folder.name,
        {name: _load(folder / f"{name}.json") for name in (*forms, "response", "error")},
        {name: _load(folder / f"{name}.json") for name in ("models", "errors", "requirements")},
        _load(folder / "behaviours.json"),
    )


REVISIONS = {path.name: _revision(path) for path in sorted((FOLDER / "revisions").iterdir())}
NEWEST = REVISIONS[max(REVISIONS)]
CONTRACT = NEWEST.schemas
TABLES = NEWEST.tables

#: Name -> schema of what mock and judge read and write, the tables of a revision among them.
TABLE_SCHEMAS: dict[str, Json] = {
    path.stem: _load(path) for path in sorted((FOLDER / "files").glob("*.json"))
}

_REGISTRY: Registry[Any] = Registry[Any]().with_resources(
    (schema["$id"], DRAFT202012.create_resource(schema))
    for schemas in (*(revision.schemas for revision in REVISIONS.values()), TABLE_SCHEMAS)
    for schema in schemas.values()
)

#: Keywords that hold schemas by name; they constrain nothing themselves.
_CONTAINERS = ("properties", "$defs")
#: Keywords that say nothing about an instance; `$ref` speaks at the place that it points to.
_SILENT = ("$schema", "$id", "$ref", "title", "description", "examples", "default")


def errors(schema: Json, instance: Json) -> list[str]:
    """What the schema finds wrong with `instance`; every ``$id`` of the contract is known."""
    validator = Draft202012Validator(schema, registry=_REGISTRY)
    found = validator.iter_errors(instance)  # pyright: ignore[reportUnknownMemberType] # a gap in its stubs
    return [f"{error.json_path}: {error.message}" for error in found]


def values_of(switch: Json) -> list[Json]:
    """The values of a switch that lists them; nothing where it is a number."""
    return [] if "type" in switch["values"] else switch["values"]


def constraints(schema: Json, pointer: str) -> Iterator[str]:
    """The pointer of every keyword that constrains an instance of ``schema``, found at ``pointer``.

    A required member is a constraint of its own. ``anyOf`` is one with all that it holds.
    """
    for keyword, value in schema.items():
        place = f"{pointer}/{keyword}"
        if keyword in _CONTAINERS:
            for name, member in value.items():
                yield from constraints(member, f"{place}/{name}")
        elif keyword == "items":
            yield from constraints(value, place)
        elif keyword == "required":
            yield from (f"{place}/{member}" for member in value)
        elif keyword not in _SILENT:
            yield place
