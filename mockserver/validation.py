"""Validation of input against the schemas of `schemas/files/`.

An error keeps the reason and the path apart; callers add the path to the part that they checked.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from json import dumps
from pathlib import Path
from typing import Any, TypeAlias, cast

import jsonschema_rs

from .contract import file_schemas, first_error
from .files import LONGEST, FileError, read_file
from .wire import Json, WireError, load

#: The most characters of a reason, which may quote the input.
LENGTH = 300

#: The greatest integer that every JSON parser reads exactly.
MOST = 2**53 - 1

#: The most values in the JSON of a file.
MOST_VALUES = 4_000_000

#: How many known names are searched for a suggestion.
MOST_KNOWN = 1000

#: The path into a JSON value, from its root: names of members and numbers of items.
Way: TypeAlias = "tuple[str | int, ...]"


def shorten(text: str) -> str:
    """Return a text that may repeat what was sent, cut at a bearable length."""
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}… ({len(text):,} characters)"


class InputError(ValueError):
    """Invalid input: what is wrong, and where."""

    def __init__(self, reason: str, *way: str | int, source: str | Path = "") -> None:
        self.reason = shorten(reason)
        self.way = tuple(shorten(step) if isinstance(step, str) else step for step in way)
        #: The file, if the input comes from one.
        self.source = str(source)
        place = json_path(self.way) if way else ""
        super().__init__(": ".join(filter(None, (self.source, place, self.reason))))


@contextmanager
def within(
    *way: str | int, source: str | Path = "", kind: type[InputError] | None = None
) -> Generator[None]:
    """Add the path to a part, or the file, to errors about that part."""
    try:
        yield
    except InputError as error:
        where = source or error.source
        raise (kind or type(error))(error.reason, *way, *error.way, source=where) from None


def check(schema: str, value: object, kind: type[InputError]) -> None:
    """Raise an error of that kind unless `value` keeps the schema."""
    try:
        error = first_error(_validator(schema), value)
    except UnicodeEncodeError:
        raise kind("cannot be written as UTF-8") from None
    if error is not None:
        raise kind(_reason(schema, value, error), *error.instance_path)


def read_json(path: str | Path, kind: type[InputError], most: int = LONGEST) -> Json:
    """Read a JSON file without duplicate keys. Raises an error of that kind."""
    try:
        return load(read_file(path, most), unique_keys=True, most=MOST_VALUES)
    except (FileError, WireError) as error:
        reason = str(error)
        raise kind(reason[:1].lower() + reason[1:], source=path) from None


def json_path(way: Way) -> str:
    """Return the path into a JSON value, such as `$.steps[0].times`."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way)


def likely(name: str, known: list[str]) -> str:
    """Return a suggestion for a misspelt name, or an empty string."""
    # For long names or lists the comparison is slow and of no use.
    if len(name) > LENGTH:
        return ""
    by_folded = {candidate.casefold(): candidate for candidate in known[:MOST_KNOWN]}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def _reason(schema: str, value: object, error: jsonschema_rs.ValidationError) -> str:
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        name = kind.unexpected[0]
        known = sorted({*_members(schema_of(schema))} - {name})
        return f"unknown member {name!r}{likely(name, known)}"
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return f"the member {kind.property!r} is missing"
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.FalseSchema):
        return "not allowed together with the other members"
    may_be_key = "keys" in error.instance_path or "accounts" in error.instance_path[-2:]
    if may_be_key or len(error.message) > LENGTH:
        # The message does not repeat the value.
        error = first_error(_validator(schema, "the value"), value) or error
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum):
        return _not_among(kind.options, error.instance)
    return error.message


def _not_among(options: Sequence[object], value: object) -> str:
    known = [option if isinstance(option, str) else dumps(option) for option in options]
    hint = likely(value, known) if isinstance(value, str) else ""
    return f"must be one of {', '.join(known)}, not {dumps(value)}{hint}"


def _members(schema: Any) -> Iterator[str]:  # noqa: ANN401 - a part of a schema
    """Yield the name of every member in a schema, at any depth."""
    if isinstance(schema, dict):
        named = cast("dict[str, Any]", schema)
        yield from named.get("properties", ())
        for value in named.values():
            yield from _members(value)


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of that name."""
    return _schemas()[name]


def register(name: str, schema: Mapping[str, Any]) -> None:
    """Add a schema, which may refer to all others."""
    _schemas()[name] = dict(schema)


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return dict(file_schemas())


@cache
def _validator(name: str, mask: str | None = None) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in _schemas().values()])
    return jsonschema_rs.Draft202012Validator(schema_of(name), registry=registry, mask=mask)
