"""The contract as these tests read it; the rooms have readers of their own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json: TypeAlias = Any

FOLDER = Path(__file__).parents[2] / "schemas"
REVISION = FOLDER / "revisions" / "2026-07"

#: Schema name -> schema, of the four schemas that requirements point into.
CONTRACT: dict[str, Json] = {
    name: json.loads((REVISION / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("request.classic", "request.multimodal", "response", "error")
}
#: Table name -> schema; ``report`` describes a table that the judge writes.
TABLE_SCHEMAS: dict[str, Json] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((FOLDER / "files").glob("*.json"))
}
#: Table name -> rows.
TABLES: dict[str, Json] = {
    name: json.loads((REVISION / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("models", "errors", "requirements")
}

_REGISTRY: Registry[Any] = Registry[Any]().with_resources(
    (schema["$id"], DRAFT202012.create_resource(schema))
    for schema in (*CONTRACT.values(), *TABLE_SCHEMAS.values())
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
