"""A broken keyword of a schema in words."""

from collections.abc import Iterator

from ..contract import AnyJson, BrokenKeyword
from ..exchanges import is_array, is_object
from .violations import shorten


def expectation(broken: BrokenKeyword) -> str:
    """What is expected, and where."""
    return f"{broken.expected} {_place(broken.path)}"


def finding(broken: BrokenKeyword) -> str:
    """What is there instead; of what is missing, where further inside it stands."""
    if broken.missing is None:
        return f"{_shown(broken.received)} {_place(broken.path)}"
    for place in _parents(broken.received, broken.missing, broken.path):
        return f"it stands under `{place.removeprefix('$.')}`"
    return f"it is missing in {shorten(broken.received)}"


def _shown(value: AnyJson) -> str:
    """A value on one line; a text in quotes, so that "1" is no number."""
    return f'"{shorten(value)}"' if isinstance(value, str) else shorten(value)


def _place(path: str) -> str:
    return "at the top level" if path == "$" else f"at {path.removeprefix('$.')}"


def _parents(node: AnyJson, name: str, path: str) -> Iterator[str]:
    """Where `name` is a member, the outermost place first."""
    if is_object(node):
        if name in node:
            yield path
        for key, value in node.items():
            yield from _parents(value, name, f"{path}.{key}")
    elif is_array(node):
        for number, value in enumerate(node):
            yield from _parents(value, name, f"{path}[{number}]")
