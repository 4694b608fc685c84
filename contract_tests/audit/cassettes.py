"""Reads cassettes in YAML, as VCR.py and its kin write them, one interaction after the other.

It is made of the events of the parser: a loader calls itself for each level, and one in C dies of
a deep file. So nothing is executed, nothing merged, and an alias costs no more than its anchor.
"""

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..contract import AnyJson

#: Longest cassette that is read, in bytes.
LONGEST = 64 * 1024 * 1024
#: Deepest nesting that is read.
DEEPEST = 50
NAMES = ("interactions", "http_interactions")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_parse: Any = getattr(yaml, "parse")  # noqa: B009 - it has no types
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = (None, "!", *(_TAG + name for name in ("str", "int", "float", "bool", "null")))


class CassetteError(ValueError):
    """The file is no cassette, or not to its end; the message says why."""


def interactions(path: Path) -> Iterator[AnyJson]:
    """The interactions of a cassette. Raises `CassetteError`, and `OSError`."""
    if path.stat().st_size > LONGEST:
        raise CassetteError(f"is longer than {LONGEST:,} bytes, the most that is read of YAML")
    with path.open("rb") as file:
        try:
            yield from _Cassette(_parse(file, _Loader)).interactions()
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise CassetteError(f"is neither JSON nor YAML: {error.problem}{line}") from None
        except yaml.YAMLError as error:
            what = " ".join(str(error).split())
            raise CassetteError(f"is neither JSON nor YAML: {what}") from None


class _Cassette:
    """What the events of one file stand for."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, AnyJson] = {}

    def interactions(self) -> Iterator[AnyJson]:
        """The members of the first array that has a name of theirs."""
        for event in self._events:
            if isinstance(event, yaml.MappingStartEvent):
                break
            if isinstance(event, yaml.NodeEvent):
                raise CassetteError("is neither an archive nor a cassette")
        else:
            raise CassetteError("is empty")
        is_found = False
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name, value = self._value(event), next(self._events)
            if not is_found and name in NAMES and isinstance(value, yaml.SequenceStartEvent):
                is_found = True
                while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                    yield self._value(event)
            else:
                self._value(value)
        if not is_found:
            raise CassetteError("is neither an archive nor a cassette")
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                line = event.start_mark.line + 1
                raise CassetteError(f"goes on after its end, with a second document, line {line}")

    def _value(self, event: Any, depth: int = 0) -> AnyJson:  # noqa: ANN401 - of a library without types
        """The value that begins with the event."""
        if isinstance(event, yaml.AliasEvent):
            return self._anchors.get(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
            self._keep(event, value)
            return value
        line = event.start_mark.line + 1
        if event.tag not in (None, "!", f"{_TAG}map", f"{_TAG}seq"):
            raise CassetteError(f"has the tag {event.tag}, which is not read, line {line}")
        if depth == DEEPEST:
            raise CassetteError(f"is nested deeper than {DEEPEST} levels, line {line}")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[AnyJson] = []
            self._keep(event, items)
            while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(inner, depth + 1))
            return items
        members: dict[str, AnyJson] = {}
        self._keep(event, members)
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            name = self._value(inner, depth + 1)
            value = self._value(next(self._events), depth + 1)
            if isinstance(name, str):
                members[name] = value
        return members

    def _keep(self, event: Any, value: AnyJson) -> None:  # noqa: ANN401 - of a library without types
        if event.anchor:
            self._anchors[event.anchor] = value


def _scalar(event: Any) -> AnyJson:  # noqa: ANN401 - of a library without types
    text: str = event.value
    if event.tag == f"{_TAG}binary":
        try:
            return base64.b64decode(text)
        except binascii.Error:
            return None
    if event.tag not in _PLAIN_TAGS:
        line = event.start_mark.line + 1
        raise CassetteError(f"has the tag {event.tag}, which is not read, line {line}")
    is_plain = event.implicit[0] and event.style in (None, "")
    if is_plain and text in ("", "~", "null", "Null", "NULL"):
        return None
    return int(text) if is_plain and text.isdecimal() and len(text) < 10 else text
