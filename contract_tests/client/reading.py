"""Reads the JSON of a client, which may be hostile."""

import json

from ..contract import AnyJson
from ..exchanges import is_array, is_object

#: How deep arrays and objects may nest.
DEPTH = 100


def read_json(text: str) -> AnyJson:
    """Parse JSON. Raises `ValueError`, also for what is nested too deeply to be worked with.

    Integers that no double holds become infinite.
    """
    try:
        value: AnyJson = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    level: list[AnyJson] = [value]
    for _ in range(DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return value
    raise ValueError("is nested too deeply")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= 300 else float(text)


def _children(node: AnyJson) -> list[AnyJson]:
    if is_object(node):
        return [*node.values()]
    return node if is_array(node) else []
