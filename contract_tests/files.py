"""Reading the files that a user names, and what is wrong with them."""

import json
from pathlib import Path

import jsonschema

from .contract import AnyJson
from .wording import LONGEST as LONGEST_NAME
from .wording import brief, hint_or_all

#: Most bytes that are read of a file; what people write by hand is far shorter.
LONGEST = 1_000_000


def read_json(path: Path, error: type[ValueError], longest: int = LONGEST) -> AnyJson:
    """Return the JSON in a file of at most `longest` bytes. Raises `error`, with what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(longest + 1)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from None
    if len(content) > longest:
        raise error(f"{path} is longer than {longest // 1_000_000} MB")
    try:
        # Editors of Windows begin a file with a byte order mark.
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise error(f"{path} is nested too deeply") from None
    except ValueError as problem:
        raise error(f"{path} is not JSON in UTF-8: {problem}") from None


def complaint(broken: jsonschema.ValidationError) -> str:
    """Where a file breaks its schema, and how."""
    place = broken.json_path.removeprefix("$").removeprefix(".")
    at = f"{brief(place)}: " if place else ""
    schema: AnyJson = broken.schema
    if broken.validator == "additionalProperties":
        known = schema["properties"]
        instance: AnyJson = broken.instance
        unknown = next(name for name in instance if name not in known)
        return f"{at}there is no {brief(unknown)}{hint_or_all(unknown, known)}"
    return f"{at}{brief(broken.message, 2 * LONGEST_NAME)}"
