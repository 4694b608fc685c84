"""What is wrong with an HTTP archive, as three others see it.

They are the schema in `schemas/files/`, that of `har-schema` of npm (in `har_schema/`), and
haralyzer.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import haralyzer  # pyright: ignore[reportMissingTypeStubs]
from jsonschema import Draft6Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT6

from tests.schemas.data import TABLE_SCHEMAS, errors

Json = Any

FOREIGN = Path(__file__).parent / "har_schema"


@cache
def _foreign() -> Draft6Validator:
    schemas = {path.name: json.loads(path.read_text("utf-8")) for path in FOREIGN.glob("*.json")}
    registry: Registry[Any] = Registry[Any]().with_resources(
        (f"{name}#", DRAFT6.create_resource(schema)) for name, schema in schemas.items()
    )
    return Draft6Validator(schemas["har.json"], registry=registry, format_checker=FormatChecker())


def complaints(archive: Json) -> list[str]:
    """What the schemas find wrong."""
    found = _foreign().iter_errors(archive)  # pyright: ignore[reportUnknownMemberType] # a gap in its stubs
    foreign = [f"{error.json_path}: {error.message}" for error in found]
    return [*errors(TABLE_SCHEMAS["har"], archive), *foreign]


def read(path: Path) -> list[Json]:
    """The entries of a file that is valid, and which haralyzer reads as we do."""
    archive = json.loads(path.read_text("utf-8"))
    assert complaints(archive) == []
    entries: list[Json] = archive["log"]["entries"]
    parser: Any = haralyzer.HarParser(archive)
    seen: list[Json] = parser.har_data["entries"]
    assert [(e["request"]["url"], e["response"]["status"]) for e in seen] == [
        (e["request"]["url"], e["response"]["status"]) for e in entries
    ]
    return entries
