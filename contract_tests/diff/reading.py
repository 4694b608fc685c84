"""Reads the reports and observations that are compared."""

import json
from functools import cache
from pathlib import Path

import jsonschema
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY, SchemaRegistry

from ..contract import SCHEMAS, AnyJson
from ..files import complaint, read_json
from .model import DiffError, Kind

#: Longest report and observation that is read, in bytes.
LONGEST = 64_000_000
#: What one of a kind is.
ONE = {
    Kind.REVISIONS: "a revision",
    Kind.OBSERVATIONS: "a file of `observe`",
    Kind.REPORTS: "a report of `check` or `audit`",
    Kind.RECORDINGS: "a recording",
}


def read(path: Path, kind: Kind) -> AnyJson:
    """The content of a report or an observation. Raises `DiffError`."""
    schema = "report" if kind is Kind.REPORTS else "observation"
    content = read_json(path, DiffError, LONGEST)
    broken: AnyJson
    for broken in _validator(schema).iter_errors(content):  # pyright: ignore[reportUnknownMemberType] - untyped overload
        raise DiffError(f"{path} is not {ONE[kind]}: {complaint(broken)}")
    return content


@cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    schemas = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in (SCHEMAS / "files").glob("*.json")
    }
    registry: SchemaRegistry = EMPTY_REGISTRY.with_resources(
        (each["$id"], DRAFT202012.create_resource(each)) for each in schemas.values()
    )
    return jsonschema.Draft202012Validator(schemas[schema], registry=registry)
