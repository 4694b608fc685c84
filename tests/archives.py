"""What is wrong with an HTTP archive: by the schema in `schemas/files/`, and for haralyzer."""

import json
from pathlib import Path
from typing import Any

import haralyzer  # pyright: ignore[reportMissingTypeStubs]

from tests.schemas.data import TABLE_SCHEMAS, errors

Json = Any


def complaints(archive: Json) -> list[str]:
    """What the schema finds wrong."""
    return list(errors(TABLE_SCHEMAS["har"], archive))


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
