"""What the schemas of `schemas/files/` find wrong with a value, told with its place in it."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, cast

import jsonschema_rs
import orjson

from .contract import SCHEMAS, first_error

#: The most characters of a reason, which may repeat what was sent.
LENGTH = 300

#: How many known names are looked through for the one that was probably meant.
MOST_KNOWN = 1000

_TABLES: dict[str, dict[str, Any]] = {
    path.stem: orjson.loads(path.read_bytes()) for path in (SCHEMAS / "files").glob("*.json")
}


def schema_of(table: str) -> dict[str, Any]:
    """Return the schema of that name."""
    return _TABLES[table]


def register(name: str, schema: Mapping[str, Any]) -> None:
    """Let `complaint` know another schema, which may refer to all that were known before."""
    _TABLES[name] = dict(schema)


def first_problem(table: str, value: object) -> str | None:
    """Return the first thing wrong with `value` by the schema of that name, None if there is none.

    Such as `$.steps[0].times: 0 is less than the minimum of 1`.
    """
    error = first_error(_validator(table), value)
    if error is None:
        return None
    return f"{json_path(error.instance_path)}: {_shortened(_reason(table, value, error))}"


def json_path(steps: list[str | int]) -> str:
    """Print the way into a JSON value, such as `$.steps[0].times`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def likely(name: str, known: list[str]) -> str:
    """Return a hint at the known name that was probably meant, if there is one."""
    # Comparing takes long where the name or the list is long, and helps nobody there.
    close = get_close_matches(name, known[:MOST_KNOWN], n=1) if len(name) <= LENGTH else []
    return f"; did you mean {close[0]!r}?" if close else ""


def _reason(table: str, value: object, error: jsonschema_rs.ValidationError) -> str:
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        name = kind.unexpected[0]
        return f"has no member {name!r}{likely(name, sorted({*_members(_TABLES[table])} - {name}))}"
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return f"the member {kind.property!r} is missing"
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.FalseSchema):
        return "cannot stand here beside the other members"
    if "keys" in error.instance_path or "accounts" in error.instance_path[-2:]:
        # What stands there may be a key: it is not repeated.
        error = first_error(_validator(table, "what stands here"), value) or error
    return error.message


def _shortened(text: str) -> str:
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}… ({len(text):,} characters)"


def _members(schema: Any) -> Iterator[str]:  # noqa: ANN401 - a part of a schema
    """Yield every name of a member that a schema knows anywhere."""
    if isinstance(schema, dict):
        named = cast("dict[str, Any]", schema)
        yield from named.get("properties", ())
        for value in named.values():
            yield from _members(value)


@cache
def _validator(table: str, mask: str | None = None) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in _TABLES.values()])
    return jsonschema_rs.Draft202012Validator(_TABLES[table], registry=registry, mask=mask)
