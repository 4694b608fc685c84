"""Reading the files that a user names, what is wrong with them, and where ours are kept."""

import codecs
import json
import os
import select
import tempfile
from collections import Counter
from pathlib import Path
from typing import NoReturn

import jsonschema

from .contract import AnyJson
from .wording import LONGEST as LONGEST_NAME
from .wording import brief, hint_or_all

#: How long to wait for what a process writes into a pipe, in seconds.
PATIENCE = 10.0
#: What a file in UTF-16 begins with.
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: Most bytes that are read of a file; what people write by hand is far shorter.
LONGEST = 1_000_000


class DuplicateError(ValueError):
    """An object that has a key twice."""


def cache() -> Path:
    """The folder for what takes long to make: tables of characters, installed clients."""
    places = (os.environ.get(name) for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"))
    usual = Path(os.environ.get("HOME") or tempfile.gettempdir()) / ".cache"
    return Path(next(filter(None, places), usual)) / "rerank-contract"


def read_json(path: Path, error: type[ValueError], longest: int = LONGEST) -> AnyJson:
    """Return the JSON in a file of at most `longest` bytes. Raises `error`, with what is wrong."""
    try:
        content = _content(path, longest + 1)
    except TimeoutError:
        raise error(f"{path} is a pipe that no process writes to") from None
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}") from None
    if len(content) > longest:
        raise error(f"{path} is longer than {longest // 1_000_000} MB")
    try:
        # Editors of Windows begin a file with a byte order mark, be it in UTF-16.
        text = content.decode("utf-16" if content.startswith(UTF_16) else "utf-8-sig")
        return json.loads(
            text, parse_int=integer, parse_constant=_refused, object_pairs_hook=_unique
        )
    except RecursionError:
        raise error(f"{path} is nested too deeply") from None
    except DuplicateError as problem:
        raise error(f"{path} {problem}") from None
    except ValueError as problem:
        raise error(f"{path} is not JSON in UTF-8: {problem}") from None


def _content(path: Path, most: int) -> bytes:
    """The first bytes of a file. Raises `OSError`; opening a pipe must not wait for a writer."""
    if not path.is_fifo():
        with path.open("rb") as file:
            return file.read(most)
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:  # noqa: PTH123 - opened so
        if not select.select([pipe], [], [], PATIENCE)[0]:
            raise TimeoutError
        os.set_blocking(pipe.fileno(), True)
        return pipe.read(most)


def integer(digits: str) -> int | float:
    """An integer of JSON; beyond 64 bits a float, as an endless one takes endless time."""
    return int(digits) if len(digits) < 20 else float(digits)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of it")


def _unique(pairs: list[tuple[str, AnyJson]]) -> AnyJson:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise DuplicateError(f"has the key {brief(twice)} twice")
    return members


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
